/** A part of an answer that is JSON already, and is sent as it is. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Writes JSON. The value's own members may be JsonText; those that are undefined are left out. */
export function writeJson(value: object): string {
  if (!Object.values(value).some((member) => member instanceof JsonText)) {
    return JSON.stringify(value);
  }
  let text = '';
  for (const [key, member] of Object.entries(value) as [string, unknown][]) {
    if (member !== undefined) {
      text += `${text === '' ? '{' : ','}${JSON.stringify(key)}:`;
      text += member instanceof JsonText ? member.text : JSON.stringify(member);
    }
  }
  return `${text}}`;
}
