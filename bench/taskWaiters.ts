import { request } from 'node:http';
import { WebSocket } from 'ws';

/** The service's ways to wait for a task. */
export const WAYS = ['long poll', 'events', 'socket'] as const;
/** `poll`: asking every two seconds, as the service being replaced does. */
export type Way = (typeof WAYS)[number] | 'poll';

const POLL_MS = 2_000;

/** A client that waits for a task to end. Times are in milliseconds of `performance.now()`. */
export interface TaskWaiter {
  id: string;
  way: Way;
  /** When it was told that the task has ended; rejects where its connection ends before that. */
  ended: Promise<number>;
}

/** Lets a client wait for a task at the service with this URL, such as http://127.0.0.1:8000. */
export function waitForTask(url: string, id: string, way: Way): TaskWaiter {
  let status: string | undefined;
  const ended = new Promise<number>((resolve, reject) => {
    const tell = (text: string): void => {
      const body = JSON.parse(text) as { status: string; message?: string };
      status = body.status;
      if (status === 'completed') {
        resolve(performance.now());
      } else if (status === 'error') {
        reject(new Error(`${way}: ${body.message ?? text}`));
      }
    };
    const fail = (): void => {
      reject(new Error(`${way}: it ended after ${status ?? 'nothing'}`));
    };
    open[way](url, id, { tell, fail });
  });
  // Looked at later.
  ended.catch(() => undefined);
  return { id, way, ended };
}

interface Told {
  tell: (text: string) => void;
  fail: () => void;
}

const open: Record<Way, (url: string, id: string, told: Told) => void> = {
  'long poll': (url, id, { tell, fail }) => {
    read(`${url}/result/${id}?wait=60`, tell, fail);
  },
  poll: (url, id, { tell, fail }) => {
    const ask = (): void => {
      read(
        `${url}/result/${id}`,
        (text) => {
          tell(text);
          if (!text.includes('"status":"completed"')) setTimeout(ask, POLL_MS);
        },
        // Its end is no failure.
        (failed) => {
          if (failed) fail();
        },
      );
    };
    // Clients begin at any time.
    setTimeout(ask, Math.random() * POLL_MS);
  },
  events: (url, id, { tell, fail }) => {
    const outgoing = request(`${url}/result/${id}/events`, { agent: false }, (response) => {
      let rest = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        const blocks = `${rest}${chunk}`.split('\n\n');
        rest = blocks.pop() ?? '';
        blocks
          .filter((block) => block.startsWith('data: '))
          .forEach((block) => {
            tell(block.slice('data: '.length));
          });
      });
      response.on('error', fail).on('close', fail);
    });
    outgoing.on('error', fail).end();
  },
  socket: (url, id, { tell, fail }) => {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/task/${id}`);
    socket.on('message', (data: Buffer) => {
      tell(data.toString());
    });
    socket.on('error', fail).on('close', fail);
  },
};

/** Reads an answer on a connection of its own. */
function read(url: string, tell: (text: string) => void, end: (failed: boolean) => void): void {
  const outgoing = request(url, { agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => {
      tell(text);
      end(false);
    });
  });
  outgoing
    .on('error', () => {
      end(true);
    })
    .end();
}
