import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface TcpProxy {
  port: number;
  /**
   * From now on, what comes on the connections that exist vanishes, and none of them is closed: either
   * the answers alone, or everything. New connections work.
   */
  swallow: (what: 'answers' | 'everything') => void;
  close: () => Promise<void>;
}

interface Passage {
  swallowed: 'nothing' | 'answers' | 'everything';
  ends: readonly Socket[];
}

/** Stands on 127.0.0.1 in front of the server at `port`. */
export async function startTcpProxy(port: number): Promise<TcpProxy> {
  const passages = new Set<Passage>();
  const server = createServer({ allowHalfOpen: false }, (client) => {
    const upstream = connect(port, '127.0.0.1');
    const passage: Passage = { swallowed: 'nothing', ends: [client, upstream] };
    passages.add(passage);
    client.on('data', (chunk: Buffer) => {
      if (passage.swallowed !== 'everything') {
        upstream.write(chunk);
      }
    });
    upstream.on('data', (chunk: Buffer) => {
      if (passage.swallowed === 'nothing') {
        client.write(chunk);
      }
    });
    for (const end of passage.ends) {
      end.on('error', () => end.destroy());
      end.on('close', () => {
        passages.delete(passage);
        for (const other of passage.ends) {
          other.destroy();
        }
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    swallow: (what) => {
      for (const passage of passages) {
        passage.swallowed = what;
      }
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const end of [...passages].flatMap(({ ends }) => ends)) {
        end.destroy();
      }
      await closed;
    },
  };
}

/** Accepts connections on 127.0.0.1, reads what comes, and never answers. */
export async function startSilentServer(): Promise<Pick<TcpProxy, 'port' | 'close'>> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.resume();
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) {
        socket.destroy();
      }
      await closed;
    },
  };
}
