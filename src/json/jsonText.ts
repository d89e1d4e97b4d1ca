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
  const texts = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([key, member]) => {
      const text = member instanceof JsonText ? member.text : JSON.stringify(member);
      return `${JSON.stringify(key)}:${text}`;
    });
  return `{${texts.join(',')}}`;
}
