import { pythonRepr, tupleRepr } from './pythonRepr.js';

/**
 * What Python's `str(exception)` gives for a failure as Celery stores it:
 * `{exc_type, exc_message: [arguments], exc_module}` (`Backend.prepare_exception` and
 * `exception_to_python` in celery/backends/base.py).
 *
 * A class that only the workers can import is read as a plain exception.
 */
export function exceptionText(stored: unknown): string {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) {
    return typeof stored === 'string' ? stored : pythonRepr(stored);
  }
  const { exc_type: type, exc_message: message, exc_module: module } = stored as StoredException;
  const values: unknown[] = Array.isArray(message)
    ? message
    : message === undefined
      ? ['']
      : [message];
  const name = `${String(module)}.${String(type)}`;
  if (REPR_OF_ONE_ARGUMENT.has(name) && values.length === 1) {
    return pythonRepr(values[0]);
  }
  if (TUPLE_AFTER_NAME.has(name)) {
    return `${String(type)}${tupleRepr(values)}`;
  }
  if (OS_ERRORS.has(name) && values.length >= 2) {
    return `[Errno ${textOf(values[0])}] ${textOf(values[1])}`;
  }
  if (NOT_REBUILT.has(name)) {
    return `<class '${name}'>(${Array.isArray(message) ? pythonRepr(message) : textOf(message)})`;
  }
  return plainText(values);
}

interface StoredException {
  exc_type?: unknown;
  exc_message?: unknown;
  exc_module?: unknown;
}

/** CPython's `BaseException_str` (Objects/exceptions.c). */
function plainText(values: readonly unknown[]): string {
  if (values.length === 0) {
    return '';
  }
  return values.length === 1 ? textOf(values[0]) : tupleRepr(values);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value);
}

/** `KeyError_str` (Objects/exceptions.c); NotRegistered inherits it (celery/exceptions.py). */
const REPR_OF_ONE_ARGUMENT = new Set(['builtins.KeyError', 'celery.exceptions.NotRegistered']);

/** `__str__` of both classes in billiard/exceptions.py. */
const TUPLE_AFTER_NAME = new Set([
  'billiard.exceptions.TimeLimitExceeded',
  'billiard.exceptions.SoftTimeLimitExceeded',
]);

/** The subclasses of OSError (Objects/exceptions.c, `OSError_str`). */
const OS_ERRORS = new Set(
  [
    'OSError',
    'BlockingIOError',
    'BrokenPipeError',
    'ChildProcessError',
    'ConnectionAbortedError',
    'ConnectionError',
    'ConnectionRefusedError',
    'ConnectionResetError',
    'FileExistsError',
    'FileNotFoundError',
    'InterruptedError',
    'IsADirectoryError',
    'NotADirectoryError',
    'PermissionError',
    'ProcessLookupError',
    'TimeoutError',
  ].map((name) => `builtins.${name}`),
);

/** Their constructors want other arguments than those they keep, so that Celery can't rebuild them. */
const NOT_REBUILT = new Set(['json.decoder.JSONDecodeError']);
