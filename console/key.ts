import { find, setText } from './elements.js';

/** The caller's key: asked for when it is needed, and kept in this tab alone. */
export interface Keyring {
  /** Empty where there is none. */
  key: () => string;
  /** The service wants a key, or another one than `refused`. */
  ask: (refused: string) => void;
  /** Resolves when a key has been given; at once where none is asked for now. */
  given: () => Promise<void>;
}

const STORED = 'console.key';

export function createKeyring(): Keyring {
  const section = find('key', HTMLElement);
  const form = find('key-form', HTMLFormElement);
  const input = find('key-input', HTMLInputElement);
  const message = find('key-message', HTMLElement);
  const forget = find('forget-key', HTMLButtonElement);
  let key = sessionStorage.getItem(STORED) ?? '';
  let waiting: (() => void)[] = [];

  const keep = (text: string): void => {
    key = text;
    forget.hidden = text === '';
    if (text === '') {
      sessionStorage.removeItem(STORED);
    } else {
      sessionStorage.setItem(STORED, text);
    }
  };
  const ask = (refused: string): void => {
    if (!section.hidden || refused !== key) {
      return;
    }
    setText(message, refused === '' ? '' : 'That key was not accepted.');
    input.setAttribute('aria-invalid', String(refused !== ''));
    keep('');
    section.hidden = false;
    input.focus();
  };

  keep(key);
  forget.addEventListener('click', () => {
    keep('');
    ask('');
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!/^[\x21-\x7e]+$/.test(input.value.trim())) {
      setText(message, 'A key is visible ASCII characters without spaces.');
      return;
    }
    keep(input.value.trim());
    input.value = '';
    section.hidden = true;
    const told = waiting;
    waiting = [];
    for (const tell of told) {
      tell();
    }
    find('task-type', HTMLSelectElement).focus();
  });

  return {
    key: () => key,
    ask,
    given: () =>
      section.hidden
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting.push(resolve);
          }),
  };
}
