import { QUEUE, type Stage } from './stage.js';

/** So many messages are pushed by one call of the script: Redis answers nobody meanwhile. */
const PUSHED_AT_ONCE = 10_000;

const PUSH_COPIES = `
for _ = 1, tonumber(ARGV[2]) do
  redis.call('LPUSH', KEYS[1], ARGV[1])
end
`;

/** As many bytes as the message of a small assignment has. */
const MESSAGE = JSON.stringify({ body: 'x'.repeat(1_200) });

/** Makes the queue hold exactly so many messages. */
export async function fillQueue({ redis }: Stage, messages: number): Promise<void> {
  if (messages === 0) {
    await redis.del(QUEUE);
    return;
  }
  await redis.ltrim(QUEUE, 0, messages - 1);
  let missing = messages - (await redis.llen(QUEUE));
  while (missing > 0) {
    const count = Math.min(missing, PUSHED_AT_ONCE);
    await redis.eval(PUSH_COPIES, 1, QUEUE, MESSAGE, count);
    missing -= count;
  }
}
