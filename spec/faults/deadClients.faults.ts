import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { openConnection } from '../support/connection.js';
import { eventually } from '../support/eventually.js';
import { report } from '../support/faults/figures.js';
import { onStage } from '../support/faults/stage.js';
import { publishState, subscribersOf } from '../support/states.js';

const HANDSHAKE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

/** A state that no system keeps for a client that does not read. */
const LARGE = 'x'.repeat(16 * 1024 * 1024);

describe('A client that follows a task', function () {
  this.timeout(120_000);

  it('hears comments while nothing changes; one that reads nothing or answers no ping is cut', async () => {
    await onStage(async ({ control, service }) => {
      const { url } = await service();
      const follow = async (id: string, path: string, headers = '') => {
        const connection = await openConnection(url);
        connection.socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${headers}\r\n`);
        await subscribersOf(control, id, 1);
        return connection;
      };
      const quiet = await follow('quiet', '/result/quiet/events');
      const stuck = await follow('stuck', '/result/stuck/events');
      stuck.socket.pause();
      await publishState(control, 'stuck', { status: 'PROGRESS', result: LARGE });
      // It reads, but does not speak WebSocket, and so answers no ping.
      const mute = await follow('mute', '/ws/task/mute', HANDSHAKE);
      const start = performance.now();
      const cut: Record<string, number> = {};
      const noteCut = async (id: string): Promise<void> => {
        await eventually(
          `${id} is cut`,
          async () => {
            const [, count] = (await control.pubsub('NUMSUB', `celery-task-meta-${id}`)) as [
              string,
              number,
            ];
            return count === 0 ? true : undefined;
          },
          100_000,
        );
        cut[id] = (performance.now() - start) / 1_000;
      };
      await Promise.all([noteCut('stuck'), noteCut('mute'), pause(35_000)]);
      const comments = quiet.received().split('\n:\n').length - 1;
      report({
        scenario: 'clients that follow tasks and are dead',
        remark: `cut after ${Math.round(cut.stuck ?? 0)} s (events), ${Math.round(cut.mute ?? 0)} s (socket)`,
      });
      assert.ok(comments >= 2, `${comments} comments`);
      assert.equal((quiet.received().match(/^data: /gm) ?? []).length, 1);
      assert.ok((cut.stuck ?? 0) > 25 && (cut.stuck ?? Infinity) < 40, String(cut.stuck));
      assert.ok((cut.mute ?? 0) > 50 && (cut.mute ?? Infinity) < 70, String(cut.mute));
      await subscribersOf(control, 'quiet', 1);
      quiet.socket.destroy();
      mute.socket.destroy();
      stuck.socket.destroy();
      await subscribersOf(control, 'quiet', 0);
    });
  });
});
