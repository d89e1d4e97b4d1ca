import { connect, type Socket } from 'node:net';
import { eventually } from '../eventually.js';

export interface SlowClients {
  /** How many are connected now. */
  connected: () => number;
  close: () => void;
}

/** What such a client sends at once; it drips the rest, a byte a second, and never comes to an end. */
const BEGINNINGS = {
  headers: { text: 'POST /assign-task/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Drip: ', drip: 'x' },
  body: {
    text:
      'POST /assign-task/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
      'Content-Length: 100000\r\n\r\n{"task_type":"',
    drip: 'x',
  },
};

/**
 * Holds `count` connections, half of which drip their headers and half their bodies. One that the service
 * closes is opened again, as an attacker would.
 */
export async function openSlowClients(url: string, count: number): Promise<SlowClients> {
  const port = Number(new URL(url).port);
  const sockets = new Map<number, Socket>();
  let closed = false;
  const open = (index: number): void => {
    const { text } = beginningOf(index);
    const socket = connect(port, '127.0.0.1', () => {
      sockets.set(index, socket);
      socket.write(text);
    });
    socket.resume();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(index);
      if (!closed) {
        setImmediate(open, index);
      }
    });
  };
  for (let index = 0; index < count; index++) {
    open(index);
  }
  let turn = 0;
  const timer = setInterval(() => {
    turn = (turn + 1) % 10;
    for (const [index, socket] of sockets) {
      if (index % 10 === turn && socket.writable) {
        socket.write(beginningOf(index).drip);
      }
    }
  }, 100);
  await eventually(`${count} slow clients`, () => (sockets.size === count ? true : undefined));
  return {
    connected: () => sockets.size,
    close: () => {
      closed = true;
      clearInterval(timer);
      for (const socket of sockets.values()) {
        socket.destroy();
      }
    },
  };
}

function beginningOf(index: number): { text: string; drip: string } {
  return index % 2 === 0 ? BEGINNINGS.headers : BEGINNINGS.body;
}
