/** Gives the schemas of tasks files names that no other schema of the contract has. */
export interface ComponentNames {
  /** A free name, which is this one where that is free. */
  of: (name: string) => string;
  /** What the names of a task type's schemas begin with: `ApproveBatches` for `approve_batches`. */
  ofTask: (taskType: string) => string;
}

export const TASK_SCHEMAS = {
  request: 'Request',
  params: 'Params',
  result: 'Result',
  progress: 'Progress',
} as const;

/** @param taken names that are not free */
export function createComponentNames(taken: readonly string[]): ComponentNames {
  const used = new Set(taken);
  /** The first of `Name`, `Name2`, `Name3`, ... of which all of these are free. */
  const free = (name: string, endings: readonly string[]): string => {
    for (let count = 1; ; count += 1) {
      const candidate = count === 1 ? name : `${name}${count}`;
      const all = endings.map((ending) => `${candidate}${ending}`);
      if (!all.some((one) => used.has(one))) {
        all.forEach((one) => used.add(one));
        return candidate;
      }
    }
  };
  return {
    of: (name) => free(name, ['']),
    ofTask: (taskType) => free(className(taskType), Object.values(TASK_SCHEMAS)),
  };
}

/** `proj.billing.send_mail` as a class is called: `ProjBillingSendMail`. */
function className(taskType: string): string {
  const words = taskType.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const name = words.map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`).join('');
  return /^[A-Z]/.test(name) ? name : `Task${name}`;
}
