import { remembered } from './remembered.js';

/** A part of an answer that is JSON text already and is sent unchanged. */
export class JsonText {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** JSON.stringify for texts that recur, such as names of queues. */
export const quoted = remembered((text) => JSON.stringify(text));

/**
 * Writes JSON. JsonText may stand for a member of the value, and for a member of an object in a list that is a member.
 * Undefined members are left out.
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
