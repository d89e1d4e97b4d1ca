import { connect, type Socket } from 'node:net';

/** A connection on which a spec writes HTTP as it likes. */
export interface RawConnection {
  socket: Socket;
  /** What the server has sent so far. */
  received: () => string;
  /** What the client was told by its system, such as that the server has reset the connection. */
  failure: () => Error | undefined;
  /** Resolves when the server has closed it, or it was cut. */
  closed: Promise<void>;
}

/** Opens a connection to the host of this URL. */
export async function openConnection(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (data) => (text += String(data)));
  let failure: Error | undefined;
  socket.on('error', (error) => (failure = error));
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return { socket, received: () => text, failure: () => failure, closed };
}

/** The head of a request to assign a task, with the empty line behind it. */
export function assignmentHead(...headers: readonly string[]): string {
  return (
    ['POST /assign-task/ HTTP/1.1', 'Host: a', 'Content-Type: application/json', ...headers].join(
      '\r\n',
    ) + '\r\n\r\n'
  );
}

/** The statuses of all answers on a connection. The next one follows a body directly. */
export function statusesIn(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
}
