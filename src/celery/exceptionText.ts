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
    return textOf(stored);
  }
  const {
    exc_type: type,
    exc_message: message = '',
    exc_module: module,
  } = stored as StoredException;
  const name = typeof module === 'string' ? `${module}.${textOf(type)}` : textOf(type);
  const values: readonly unknown[] = Array.isArray(message) ? message : [message];
  if (NOT_REBUILT.has(name)) {
    return `<class '${name}'>(${textOf(message)})`;
  }
  return TEXTS.get(name)?.(values) ?? plainText(values);
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

/** Python's `str()` of a value that came as JSON. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value);
}

/** A class's own `__str__`; undefined where it leaves these arguments to `BaseException`. */
type Text = (values: readonly unknown[]) => string | undefined;

/** `KeyError_str` (Objects/exceptions.c). */
const keyErrorText: Text = (values) => (values.length === 1 ? pythonRepr(values[0]) : undefined);

/** `OSError_str` (Objects/exceptions.c). */
const osErrorText: Text = (values) =>
  values.length >= 2 ? `[Errno ${textOf(values[0])}] ${textOf(values[1])}` : undefined;

/** `SSLError_str` (Modules/_ssl.c). */
const sslErrorText: Text = (values) =>
  values.length >= 2 && typeof values[1] === 'string' ? values[1] : osErrorText(values);

/** Both classes in billiard/exceptions.py. */
const timeLimitText =
  (name: string): Text =>
  (values) =>
    `${name}${tupleRepr(values)}`;

const OS_ERRORS = [
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
  'OSError',
  'PermissionError',
  'ProcessLookupError',
  'TimeoutError',
];

const TEXTS: ReadonlyMap<string, Text> = new Map([
  ['builtins.KeyError', keyErrorText],
  ['celery.exceptions.NotRegistered', keyErrorText],
  ...OS_ERRORS.map((name) => [`builtins.${name}`, osErrorText] as const),
  ['socket.gaierror', osErrorText],
  ['socket.herror', osErrorText],
  ['ssl.SSLError', sslErrorText],
  ['ssl.SSLCertVerificationError', sslErrorText],
  ['ssl.SSLEOFError', sslErrorText],
  ['ssl.SSLZeroReturnError', sslErrorText],
  // `URLError.__str__` in urllib/error.py.
  ['urllib.error.URLError', ([reason]) => `<urlopen error ${textOf(reason)}>`],
  ['billiard.exceptions.TimeLimitExceeded', timeLimitText('TimeLimitExceeded')],
  ['billiard.exceptions.SoftTimeLimitExceeded', timeLimitText('SoftTimeLimitExceeded')],
]);

/** Their constructors want other arguments than those they keep, so that Celery can't rebuild them. */
const NOT_REBUILT = new Set(['json.decoder.JSONDecodeError', 'urllib.error.HTTPError']);
