import { constants } from 'node:os';
import { isList, type ExactValue } from '../../json/exactJson.js';
import { kombuObjectOf } from './kombuTypes.js';
import { hexEscape, pythonRepr, pythonStr, tupleRepr } from './repr.js';

/** A class's own `__str__`; undefined where it leaves these arguments to `BaseException`. */
export type ExceptionText = (values: readonly ExactValue[]) => string | undefined;

/** CPython's `BaseException_str` (Objects/exceptions.c). */
export function plainText(values: readonly ExactValue[]): string {
  const [first = ''] = values;
  return values.length < 2 ? pythonStr(first) : tupleRepr(values);
}

/** `KeyError_str` (Objects/exceptions.c). */
const keyErrorText: ExceptionText = ([first, ...rest]) =>
  first !== undefined && rest.length === 0 ? pythonRepr(first) : undefined;

/** `OSError_str` (Objects/exceptions.c): its third argument is a file name, its fifth a second one. */
const osErrorText: ExceptionText = (values) => {
  const [errno, text, file = null, , secondFile = null] = values;
  if (errno === undefined || text === undefined || values.length > 5) {
    return undefined;
  }
  const start = `[Errno ${pythonStr(errno)}] ${pythonStr(text)}`;
  if (file === null) {
    return start;
  }
  const end = secondFile === null ? '' : ` -> ${pythonRepr(secondFile)}`;
  return `${start}: ${pythonRepr(file)}${end}`;
};

/** A third argument of BlockingIOError that is a number counts characters (`oserror_parse_args`). */
const blockingErrorText: ExceptionText = (values) =>
  osErrorText(typeof values[2] === 'bigint' ? values.slice(0, 2) : values);

/** `SSLError_str` (Modules/_ssl.c). */
const sslErrorText: ExceptionText = (values) =>
  values.length >= 2 && typeof values[1] === 'string' ? values[1] : tupleRepr(values);

/** Both classes in billiard/exceptions.py. */
const timeLimitText =
  (name: string): ExceptionText =>
  (values) =>
    `${name}${tupleRepr(values)}`;

/** `UnicodeDecodeError_str` (Objects/exceptions.c). */
const unicodeDecodeErrorText: ExceptionText = ([encoding, object, start, end, reason]) => {
  const bytes = object === undefined ? undefined : kombuObjectOf(object)?.bytes;
  if (bytes === undefined || typeof start !== 'bigint' || typeof end !== 'bigint') {
    return undefined;
  }
  const byte = bytes[Number(start)]?.toString(16).padStart(2, '0');
  const what =
    end === start + 1n && byte !== undefined
      ? `byte 0x${byte} in position ${start}`
      : `bytes in position ${start}-${end - 1n}`;
  return `'${pythonStr(encoding ?? null)}' codec can't decode ${what}: ${pythonStr(reason ?? null)}`;
};

/** `UnicodeEncodeError_str` (Objects/exceptions.c). */
const unicodeEncodeErrorText: ExceptionText = ([encoding, object, start, end, reason]) => {
  if (typeof object !== 'string' || typeof start !== 'bigint' || typeof end !== 'bigint') {
    return undefined;
  }
  const what = charactersAt(object, start, end);
  return `'${pythonStr(encoding ?? null)}' codec can't encode ${what}: ${pythonStr(reason ?? null)}`;
};

/** `UnicodeTranslateError_str` (Objects/exceptions.c). */
const unicodeTranslateErrorText: ExceptionText = ([object, start, end, reason]) => {
  if (typeof object !== 'string' || typeof start !== 'bigint' || typeof end !== 'bigint') {
    return undefined;
  }
  return `can't translate ${charactersAt(object, start, end)}: ${pythonStr(reason ?? null)}`;
};

function charactersAt(text: string, start: bigint, end: bigint): string {
  const character = Array.from(text)[Number(start)];
  return end === start + 1n && character !== undefined
    ? `character '${hexEscape(character)}' in position ${start}`
    : `characters in position ${start}-${end - 1n}`;
}

/** Python's module signal names two that Node.js leaves out. */
const SIGNALS = { ...constants.signals, SIGRTMIN: 34, SIGRTMAX: 64 };

/** `CalledProcessError.__str__` of Lib/subprocess.py. */
const calledProcessErrorText: ExceptionText = ([code = null, command = null]) => {
  const start = `Command '${pythonStr(command)}'`;
  if (typeof code !== 'bigint' || code >= 0n) {
    return `${start} returned non-zero exit status ${pythonStr(code)}.`;
  }
  const signal = Object.entries(SIGNALS).find(([, number]) => number === Number(-code));
  return signal === undefined
    ? `${start} died with unknown signal ${-code}.`
    : `${start} died with <Signals.${signal[0]}: ${signal[1]}>.`;
};

/** `TimeoutExpired.__str__` of Lib/subprocess.py. */
const timeoutExpiredText: ExceptionText = ([command = null, timeout = null]) =>
  `Command '${pythonStr(command)}' timed out after ${pythonStr(timeout)} seconds`;

/** `SyntaxError_str` (Objects/exceptions.c). */
const syntaxErrorText: ExceptionText = ([message = null, details, ...rest]) => {
  const hasPlace = details !== undefined && isList(details) && rest.length === 0;
  const [file, line] = hasPlace ? details : [];
  const places = [
    ...(typeof file === 'string' ? [file.slice(file.lastIndexOf('/') + 1)] : []),
    ...(typeof line === 'bigint' ? [`line ${line}`] : []),
  ];
  const text = pythonStr(message);
  return places.length === 0 ? text : `${text} (${places.join(', ')})`;
};

/** `IncompleteRead.__repr__` of Lib/http/client.py, of which only the first argument is kept. */
const incompleteReadText: ExceptionText = ([partial = null]) => {
  const length = kombuObjectOf(partial)?.bytes?.length;
  return length === undefined ? undefined : `IncompleteRead(${length} bytes read)`;
};

/**
 * `UnpickleableExceptionWrapper.__str__` of celery/utils/serialization.py: the repr of an exception whose class can't
 * be called with its own arguments, such as boto3's ClientError. Its arguments are module, class, arguments and text.
 */
const wrappedText: ExceptionText = ([, , , text]) => (typeof text === 'string' ? text : undefined);

/** `ParserError.__str__` of dateutil/parser/_parser.py, which Celery itself needs: a template and its values. */
const dateParserErrorText: ExceptionText = ([template, ...values]) => {
  if (typeof template !== 'string') {
    return undefined;
  }
  const marks = template.match(/%.?/gs) ?? [];
  const places = marks.filter((mark) => mark === '%s').length;
  if (places !== values.length || marks.some((mark) => mark !== '%s' && mark !== '%%')) {
    return undefined;
  }
  const rest = values.values();
  return template.replaceAll(/%[s%]/g, (mark) =>
    mark === '%%' ? '%' : pythonStr(rest.next().value ?? null),
  );
};

const OS_ERRORS = [
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

/** By module and name. Any other class is read as a plain exception. */
export const EXCEPTION_TEXTS: ReadonlyMap<string, ExceptionText> = new Map<string, ExceptionText>([
  ['builtins.KeyError', keyErrorText],
  ['celery.exceptions.NotRegistered', keyErrorText],
  ['celery.exceptions.QueueNotFound', keyErrorText],
  ['zoneinfo._common.ZoneInfoNotFoundError', keyErrorText],
  ['builtins.BlockingIOError', blockingErrorText],
  ...OS_ERRORS.map((name) => [`builtins.${name}`, osErrorText] as const),
  ['socket.gaierror', osErrorText],
  ['socket.herror', osErrorText],
  ['ssl.SSLError', sslErrorText],
  ['ssl.SSLCertVerificationError', sslErrorText],
  ['ssl.SSLEOFError', sslErrorText],
  ['ssl.SSLSyscallError', sslErrorText],
  ['ssl.SSLWantReadError', sslErrorText],
  ['ssl.SSLWantWriteError', sslErrorText],
  ['ssl.SSLZeroReturnError', sslErrorText],
  // `URLError.__str__` of Lib/urllib/error.py.
  ['urllib.error.URLError', ([reason = null]) => `<urlopen error ${pythonStr(reason)}>`],
  ['billiard.exceptions.TimeLimitExceeded', timeLimitText('TimeLimitExceeded')],
  ['billiard.exceptions.SoftTimeLimitExceeded', timeLimitText('SoftTimeLimitExceeded')],
  ['builtins.UnicodeDecodeError', unicodeDecodeErrorText],
  ['builtins.UnicodeEncodeError', unicodeEncodeErrorText],
  ['builtins.UnicodeTranslateError', unicodeTranslateErrorText],
  ['subprocess.CalledProcessError', calledProcessErrorText],
  ['subprocess.TimeoutExpired', timeoutExpiredText],
  ['builtins.SyntaxError', syntaxErrorText],
  ['builtins.IndentationError', syntaxErrorText],
  ['builtins.TabError', syntaxErrorText],
  ['http.client.IncompleteRead', incompleteReadText],
  ['celery.utils.serialization.UnpickleableExceptionWrapper', wrappedText],
  ['dateutil.parser._parser.ParserError', dateParserErrorText],
  // `PackageNotFoundError.__str__` of Lib/importlib/metadata/__init__.py.
  [
    'importlib.metadata.PackageNotFoundError',
    ([name = null]) => `No package metadata was found for ${pythonStr(name)}`,
  ],
  // `__init__` of each, and `Error.__repr__`, of Lib/configparser.py.
  ['configparser.NoSectionError', ([section = null]) => `No section: ${pythonRepr(section)}`],
  [
    'configparser.NoOptionError',
    ([option = null, section = null]) =>
      `No option ${pythonRepr(option)} in section: ${pythonRepr(section)}`,
  ],
]);

/** Their constructors want other arguments than those they keep, so that Celery can't rebuild them. */
export const NOT_REBUILT: ReadonlySet<string> = new Set([
  'asyncio.exceptions.IncompleteReadError',
  'asyncio.exceptions.LimitOverrunError',
  'builtins.BaseExceptionGroup',
  'builtins.ExceptionGroup',
  'json.decoder.JSONDecodeError',
  'urllib.error.ContentTooShortError',
  'urllib.error.HTTPError',
]);
