import assert from 'node:assert/strict';
import { durationText } from '../../console/duration.js';
import { readEvents } from '../../console/events.js';
import { progressOf } from '../../console/progress.js';

describe("The console's reading", () => {
  const metas: [meta: unknown, fraction: number | undefined, text: string][] = [
    [{ current: 2, total: 5, percent: 40, status: 'progress' }, 0.4, '2 of 5 (40 %)'],
    [{ current: 29, total: 100 }, 0.29, '29 of 100 (29 %)'],
    [{ current: 999, total: 1000 }, 0.999, '999 of 1000 (99 %)'],
    [{ current: 7, total: 5 }, 1, '7 of 5 (100 %)'],
    [{ current: -1, total: 5 }, 0, '-1 of 5 (0 %)'],
    [{ current: 1, total: 0, percent: 50 }, 0.5, '50 %'],
    [{ percent: 12.5, message: 'Reading' }, 0.125, '12 %: Reading'],
    [{ current: 1, total: 2, status: 'saving' }, 0.5, '1 of 2 (50 %): saving'],
    [{ current: '1', total: '2' }, undefined, '{"current":"1","total":"2"}'],
    [{ done: 3 }, undefined, '{"done":3}'],
    ['half', undefined, 'half'],
    [7, undefined, '7'],
    [null, undefined, 'null'],
    [{}, undefined, ''],
    [undefined, undefined, ''],
  ];
  for (const [meta, fraction, text] of metas) {
    it(`takes ${JSON.stringify(meta)} for ${text === '' ? 'nothing' : text}`, () => {
      assert.deepEqual(progressOf(meta), { fraction, text });
    });
  }

  for (const [milliseconds, text] of [
    [-500, '0.0 s'],
    [149, '0.1 s'],
    [59_940, '59.9 s'],
    [59_960, '1 min 0 s'],
    [125_400, '2 min 5 s'],
    [3_599_600, '1 h 0 min'],
    [100_000_000, '27 h 46 min'],
  ] as const) {
    it(`takes ${milliseconds} ms for ${text}`, () => {
      assert.equal(durationText(milliseconds), text);
    });
  }

  it('cuts a long meta', () => {
    const { text } = progressOf('x'.repeat(10_000));
    assert.ok(text.length < 400);
    assert.match(text, /the first 300 of 10000 characters/);
  });

  it('finds the same events however their bytes are cut', async () => {
    const text =
      ': heart\n\ndata: {"a":"é"}\n\nevent: x\r\ndata:1\r\ndata:  2\r\n\r\n\n:beat\ndata: cut';
    const expected = [
      { type: 'message', data: '{"a":"é"}' },
      { type: 'x', data: '1\n 2' },
    ];
    const bytes = new TextEncoder().encode(text);
    for (let size = 1; size <= bytes.length; size += 1) {
      let chunks = 0;
      const events = [];
      for await (const event of readEvents(streamOf(bytes, size), () => (chunks += 1))) {
        events.push(event);
      }
      assert.deepEqual(events, expected, `in pieces of ${size}`);
      assert.equal(chunks, Math.ceil(bytes.length / size));
    }
  });
});

function streamOf(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let start = 0;
  return new ReadableStream({
    pull(controller) {
      if (start >= bytes.length) {
        controller.close();
        return;
      }
      controller.enqueue(bytes.subarray(start, start + size));
      start += size;
    },
  });
}
