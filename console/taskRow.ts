import { durationText } from './duration.js';
import { announce, button, element, moment, setText } from './elements.js';
import { cut, showJson } from './json.js';
import { progressOf } from './progress.js';
import type { TaskResult } from './taskResult.js';

export interface ListedTask {
  id: string;
  type: string;
  /** When it was assigned, or the page has begun to watch it, in milliseconds since 1970. */
  since: number;
  /** Whether `since` is when it was assigned. */
  isAssignedHere: boolean;
}

/** A task in the list. */
export interface TaskRow {
  element: HTMLLIElement;
  show: (result: TaskResult) => void;
  /** Says something of the task until it changes. */
  note: (text: string, isFault?: boolean) => void;
}

export interface TaskActions {
  /** Undefined where the service can't. */
  stop: (() => void) | undefined;
  explain: (() => void) | undefined;
  remove: () => void;
}

export function createTaskRow(task: ListedTask, actions: TaskActions): TaskRow {
  const name = `${task.type === '' ? 'Task' : task.type} ${task.id.slice(0, 8)}`;
  const status = element('span', { class: 'status' }, '…');
  const bar = element('progress', { 'aria-label': `Progress of ${name}` });
  const barText = element('span', { class: 'progress-text' });
  const barLine = element('div', { class: 'progress' }, bar, barText);
  const note = element('p', { class: 'note', role: 'status' });
  const outcome = createOutcome();
  const explain = actions.explain && button('Why?', actions.explain, `Why does ${name} wait?`);
  const stop = actions.stop && button('Stop', actions.stop, `Stop ${name}`);
  const remove = button('Remove', actions.remove, `Remove ${name} from this list`);
  const since = new Date(task.since);
  const duration = element('span', { class: 'duration' });
  let last = '';
  barLine.hidden = true;
  bar.max = 1;

  const row = element(
    'li',
    { class: 'task', 'aria-label': name },
    element(
      'div',
      { class: 'task-head' },
      element('h3', {}, task.type === '' ? 'Task' : task.type),
      status,
      element(
        'span',
        { class: 'times' },
        element('time', { datetime: since.toISOString() }, moment(since)),
        duration,
      ),
    ),
    idLine(task.id, name),
    barLine,
    note,
    outcome.element,
    element(
      'div',
      { class: 'actions' },
      ...[explain, stop, remove].filter((one) => one !== undefined),
    ),
  );
  const setNote = (text: string, isFault = false): void => {
    setText(note, text);
    note.classList.toggle('fault', isFault);
  };

  return {
    element: row,
    note: setNote,
    show(result) {
      if (result.status !== last) {
        setNote('');
        announce(`${name}: ${result.status}`);
      }
      last = result.status;
      setText(status, result.status);
      row.dataset.status = kindOf(result);
      showProgress(result, bar, barText);
      barLine.hidden = result.isFinal || result.isPending;
      outcome.show(result);
      if (task.isAssignedHere && result.endedAt !== undefined && result.isFinal) {
        setText(duration, `, took ${durationText(result.endedAt - task.since)}`);
      }
      moveFocus([explain, stop], remove, result);
    },
  };
}

/** Buttons that are of no use any more go; the focus goes to one that stays. */
function moveFocus(
  [explain, stop]: readonly (HTMLButtonElement | undefined)[],
  remove: HTMLButtonElement,
  { isFinal, isPending }: TaskResult,
): void {
  const hide = (one: HTMLButtonElement | undefined, isHidden: boolean, next: HTMLElement): void => {
    if (one !== undefined) {
      const hadFocus = document.activeElement === one;
      one.hidden = isHidden;
      if (isHidden && hadFocus) {
        next.focus();
      }
    }
  };
  hide(stop, isFinal, remove);
  hide(explain, !isPending, isFinal ? remove : (stop ?? remove));
}

function kindOf({ isFinal, isPending, isRevoked, status }: TaskResult): string {
  if (isRevoked) {
    return 'stopped';
  }
  if (isFinal) {
    return status === 'completed' ? 'completed' : 'failed';
  }
  return isPending ? 'pending' : 'running';
}

function showProgress(
  { progress, isFinal }: TaskResult,
  bar: HTMLProgressElement,
  text: HTMLElement,
): void {
  const { fraction, text: words } = progressOf(progress);
  if (fraction !== undefined) {
    bar.value = fraction;
  } else if (!isFinal) {
    bar.removeAttribute('value');
  }
  setText(text, words);
}

const PREVIEW_CHARACTERS = 200;

/** What the task returned, or why it has failed, to unfold. */
function createOutcome(): { element: HTMLElement; show: (result: TaskResult) => void } {
  const summary = element('summary');
  const title = element('span');
  const preview = element('code', { class: 'preview' });
  summary.append(title, ' ', preview);
  // A region that scrolls is reached by the keyboard as well.
  const body = element('pre', { tabindex: '0', role: 'group', 'aria-label': 'Result' });
  const details = element('details', { class: 'outcome' }, summary, body);
  details.hidden = true;
  return {
    element: details,
    show(result) {
      const { isFinal, isRevoked, hasResult, error, traceback } = result;
      const name = hasResult ? 'Result' : isRevoked ? 'Reason' : 'Error';
      details.hidden = !isFinal && traceback === '';
      if (details.hidden) {
        return;
      }
      setText(title, name);
      const failure = [error, traceback].filter((text) => text !== '').join('\n\n');
      const text = hasResult ? showJson(result.text, 'result') : cut(failure || '(no text)');
      setText(body, text);
      setText(preview, hasResult ? text.slice(0, PREVIEW_CHARACTERS).replaceAll(/\s+/g, ' ') : '');
      body.setAttribute('aria-label', name);
      // Why a task has failed is what everybody wants to see next.
      details.open ||= isFinal && !hasResult && !isRevoked;
    },
  };
}

function idLine(id: string, name: string): HTMLElement {
  const code = element('code', {}, id);
  const copy = button('Copy', () => void copyText(), `Copy the id of ${name}`);
  const copyText = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(id);
      announce('Copied');
      setText(copy, 'Copied');
      setTimeout(() => {
        setText(copy, 'Copy');
      }, 1_500);
    } catch {
      // A page that came over plain HTTP has no clipboard: what is selected can be copied by hand.
      getSelection()?.selectAllChildren(code);
      announce('The id is selected: copy it with the keyboard');
    }
  };
  return element('div', { class: 'task-id' }, code, copy);
}
