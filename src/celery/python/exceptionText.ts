import { isList, type ExactValue } from '../../json/exactJson.js';
import { EXCEPTION_TEXTS, NOT_REBUILT, plainText } from './exceptionClasses.js';
import { pythonStr } from './repr.js';

/**
 * The text that Python's `str(exception)` gives for a failure as Celery stores it:
 * `{exc_type, exc_message: [arguments], exc_module}` (`Backend.prepare_exception` and
 * `exception_to_python` in celery/backends/base.py).
 *
 * A class that only the workers can import is read as a plain exception.
 */
export function exceptionText(stored: ExactValue): string {
  if (!(stored instanceof Map)) {
    return pythonStr(stored);
  }
  if (stored.size === 0) {
    return 'None';
  }
  const fields = stored as ReadonlyMap<string, ExactValue>;
  const type = pythonStr(fields.get('exc_type') ?? null);
  const module = fields.get('exc_module');
  const message = fields.get('exc_message') ?? '';
  const name = typeof module === 'string' ? `${module}.${type}` : type;
  const values = isList(message) ? message : [message];
  if (NOT_REBUILT.has(name)) {
    return `<class '${name.replace(/^builtins\./, '')}'>(${pythonStr(message)})`;
  }
  return EXCEPTION_TEXTS.get(name)?.(values) ?? plainText(values);
}
