/** The task types whose params the contract describes: each is told by an `if` of AssignTaskRequest. */
export function describedTaskTypes(document: object): string[] {
  const { components } = document as Described;
  return (components?.schemas?.AssignTaskRequest?.allOf ?? []).flatMap((branch) => {
    const taskType = branch.if?.properties?.task_type?.const;
    return typeof taskType === 'string' ? [taskType] : [];
  });
}

interface Described {
  components?: { schemas?: { AssignTaskRequest?: { allOf?: readonly Branch[] } } };
}

interface Branch {
  if?: { properties?: { task_type?: { const?: unknown } } };
}
