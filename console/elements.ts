/**
 * Makes an element. Texts become text nodes and nothing else, so that no result of a task can bring markup or
 * script into the page.
 */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export function button(
  label: string,
  press: () => void,
  accessibleName = label,
): HTMLButtonElement {
  const made = element('button', { type: 'button', 'aria-label': accessibleName }, label);
  made.addEventListener('click', press);
  return made;
}

/** The element of the page with this id. Throws an Error if the page has none of that kind. */
export function find<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) {
    throw new Error(`The page has no ${kind.name} called ${id}`);
  }
  return found;
}

/** Sets a text where it differs, so that a selection in it and a live region stay quiet otherwise. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) {
    node.textContent = text;
  }
}

/** A description of the contract's without its Markdown. */
export function plain(description: unknown): string {
  return typeof description === 'string' ? description.replaceAll('`', '').trim() : '';
}

/** Tells what has changed to whoever listens rather than looks. */
export function announce(text: string): void {
  find('announcer', HTMLElement).textContent = text;
}

export function clock(date: Date): string {
  return date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** A date and a time of day. */
export function moment(date: Date): string {
  return date.toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium' });
}
