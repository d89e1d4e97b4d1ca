import { connect } from 'node:net';

export interface RawReply {
  status: number;
  /** The text after the headers. */
  body: string;
}

const DEADLINE_MS = 10_000;

/**
 * Sends bytes on a connection of their own and gives every reply to them. After the first reply it sends
 * nothing more and lets the service close, so that a request hidden in the bytes shows itself by a second.
 * Rejects if the service has neither answered nor hung up after ten seconds.
 */
export async function sendRaw(url: string, bytes: Buffer | string): Promise<RawReply[]> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      socket.destroy(new Error(`Neither answered nor hung up on: got ${JSON.stringify(text)}`));
    }, DEADLINE_MS);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (repliesIn(text).length > 0) {
        socket.end();
      }
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // What the service hangs up on before it has read it all is reset, after its answer.
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') {
        reject(error);
      }
    });
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(repliesIn(text));
    });
    socket.write(bytes);
  });
}

/** The complete replies in a text. Each has a Content-Length, as all replies of this service have. */
function repliesIn(text: string): RawReply[] {
  const replies: RawReply[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n') + 4;
    const head = rest.slice(0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
    if (end < 4 || Number.isNaN(status)) {
      return replies;
    }
    const length = Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0);
    if (rest.length < end + length) {
      return replies;
    }
    if (status >= 200) {
      replies.push({ status, body: rest.slice(end, end + length) });
    }
    rest = rest.slice(end + length);
  }
}
