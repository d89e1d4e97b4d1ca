import { once } from 'node:events';
import { connect } from 'node:net';

/** Keeps one HTTP/1.1 connection, on which one request at a time is in flight. */
export interface Connection {
  /** Sends a request and calls back when its answer, a 2xx, has been read to its end. */
  exchange: (request: Buffer, onAnswer: (answer: () => string) => void) => void;
  close: () => void;
}

const HEAD_END = '\r\n\r\n';

/**
 * Connects to 127.0.0.1. It reads just enough HTTP to find an answer's end, so that the load costs
 * little beside what it is meant to measure.
 *
 * @param onFailure called with whatever makes the connection useless, such as an answer that is no 2xx
 */
export async function openConnection(
  port: number,
  onFailure: (error: Error) => void,
): Promise<Connection> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  let onAnswer: ((answer: () => string) => void) | undefined;
  let closing = false;
  let chunks: Buffer[] = [];
  let received = 0;
  let wanted: number | undefined;

  socket.on('data', (chunk) => {
    chunks.push(chunk);
    received += chunk.length;
    if (wanted === undefined) {
      try {
        wanted = answerLength(chunks);
      } catch (error) {
        onFailure(error as Error);
        socket.destroy();
        return;
      }
    }
    if (wanted === undefined || received < wanted) return;
    const answer = chunks;
    const answered = onAnswer;
    chunks = [];
    received = 0;
    wanted = undefined;
    onAnswer = undefined;
    answered?.(() => Buffer.concat(answer).toString());
  });
  socket.on('error', onFailure);
  socket.on('close', () => {
    if (!closing) onFailure(new Error('The server closed a connection'));
  });

  return {
    exchange: (request, callback) => {
      onAnswer = callback;
      socket.write(request);
    },
    close: () => {
      closing = true;
      socket.destroy();
    },
  };
}

/** How long the answer is from its first byte, or undefined while its head is not complete. */
function answerLength(chunks: readonly Buffer[]): number | undefined {
  const [first = Buffer.alloc(0)] = chunks;
  const bytes = chunks.length === 1 ? first : Buffer.concat(chunks);
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const head = bytes.toString('latin1', 0, headEnd);
  if (!head.startsWith('HTTP/1.1 2')) {
    throw new Error(`An answer is no 2xx: ${bytes.toString().slice(0, 1_000)}`);
  }
  const contentLength = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (contentLength === undefined) throw new Error(`An answer has no Content-Length: ${head}`);
  return headEnd + HEAD_END.length + Number(contentLength);
}
