import { request as requestHttp, type IncomingHttpHeaders } from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { QuickstartError } from '../stack/failure.js';

interface Request {
  method: string;
  /** With its query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body: string | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** How long an answer may take. */
const PATIENCE_MS = 10_000;

/**
 * Sends a request as it is, and follows no redirect. Throws a QuickstartError where no answer comes.
 *
 * @param service its URL, whose path goes before the request's
 * @param option names the service to people
 */
export async function exchange(service: URL, option: string, request: Request): Promise<Answer> {
  const { method, path, headers, body } = request;
  try {
    return await new Promise<Answer>((resolve, reject) => {
      const send = service.protocol === 'https:' ? requestHttps : requestHttp;
      const sending = send(
        {
          hostname: service.hostname.replace(/^\[|\]$/g, ''),
          ...(service.port !== '' && { port: service.port }),
          method,
          path: `${service.pathname.replace(/\/+$/, '')}${path}`,
          headers: {
            ...headers,
            ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }),
          },
          agent: false,
          signal: AbortSignal.timeout(PATIENCE_MS),
        },
        (response) => {
          text(response).then((received) => {
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: received,
            });
          }, reject);
        },
      );
      sending.on('error', reject);
      sending.end(body);
    });
  } catch (error) {
    throw new QuickstartError(
      `${option} (${service.origin}) did not answer ${method} ${path}: ${reasonOf(error)}`,
    );
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'AbortError') {
    return `nothing within ${PATIENCE_MS / 1_000} s`;
  }
  // A name with several addresses gives an error for each, and none of its own.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : String(first);
}
