import { remembered } from '../remembered.js';

/** A part of an answer that is JSON already, and is sent as it is. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** JSON of a text of which there are few, such as the name of a queue. */
export const quoted = remembered((text) => JSON.stringify(text));

/**
 * Writes JSON. The value's own members may be JsonText, and so may those of the objects in a list that is its
 * member; what is undefined is left out.
 */
export function writeJson(value: object): string {
  if (Array.isArray(value)) {
    return memberText(value);
  }
  if (!Object.values(value).some(mayHoldJsonText)) {
    return JSON.stringify(value);
  }
  let text = '';
  for (const [key, member] of Object.entries(value) as [string, unknown][]) {
    if (member !== undefined) {
      text += `${text === '' ? '{' : ','}${quoted(key)}:`;
      text += memberText(member);
    }
  }
  return `${text}}`;
}

function mayHoldJsonText(member: unknown): boolean {
  return member instanceof JsonText || Array.isArray(member);
}

function memberText(member: unknown): string {
  if (member instanceof JsonText) {
    return member.text;
  }
  return Array.isArray(member) ? `[${member.map(itemText).join(',')}]` : JSON.stringify(member);
}

function itemText(item: unknown): string {
  return typeof item === 'object' && item !== null && !(item instanceof JsonText)
    ? writeJson(item)
    : memberText(item ?? null);
}
