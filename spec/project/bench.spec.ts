import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { againstCells, runAgainst } from '../../bench/against.js';
import { CASES, resultRequest } from '../../bench/cases.js';
import { speedChart } from '../../bench/chart.js';
import { compare } from '../../bench/comparison.js';
import { judge } from '../../bench/guard.js';
import { measureCase, type Figures } from '../../bench/measure.js';
import { readOptions } from '../../bench/options.js';
import { headline, speedText, withMeasured, writeReadme } from '../../bench/readme.js';
import { runTable, startWarm, type Results } from '../../bench/runTable.js';
import { openStage, type Stage } from '../../bench/stage.js';
import { startupText } from '../../bench/startup.js';
import { knownMedian, median, percentile, ratio } from '../../bench/statistics.js';
import { figure, textTable } from '../../bench/textTable.js';
import { runWaiting } from '../../bench/waiting.js';
import { waitingCells } from '../../bench/waitingTable.js';
import { withReleasers } from '../../stack/releasers.js';
import { REPOSITORY, theFleet } from '../support/fleet.js';

const TINY = { connections: 2, rounds: 2, warmUpMs: 50, measuredMs: 100, starts: 2 };
const silent = (): void => undefined;

describe('The bench: its arithmetic', () => {
  it('takes percentiles by nearest rank', () => {
    const values = Array.from({ length: 200 }, (_, index) => index + 1);
    assert.equal(percentile(values, 50), 100);
    assert.equal(percentile(values, 99), 198);
    assert.equal(percentile(values, 100), 200);
    assert.equal(percentile([7], 1), 7);
    assert.ok(Number.isNaN(percentile([], 50)));
  });

  it('takes the middle value, or the mean of the middle two', () => {
    assert.equal(median([9, 1, 5]), 5);
    assert.equal(median([10, 9, 1, 2]), 5.5);
    assert.equal(knownMedian([undefined, 3, 1, 2]), 2);
    assert.equal(knownMedian([undefined]), undefined);
  });

  it('gives no ratio of what is not known or nothing', () => {
    assert.equal(ratio(6, 4), 1.5);
    assert.equal(ratio(undefined, 4), undefined);
    assert.equal(ratio(6, 0), undefined);
  });

  it("compares with the peer's better form at each figure, and with the floor", () => {
    const rows = compare(
      'assign-small',
      new Map([
        ['service', figures({ cpu: 50, p99: 2, speed: 10_000 })],
        ['peer-sync', figures({ cpu: 1_000, p99: 20, speed: 1_000 })],
        ['peer-async', figures({ cpu: 800, p99: 40, speed: 900 })],
        ['peer-go', figures({ cpu: 40, p99: 1, speed: 20_000 })],
        ['floor', figures({ cpu: 10, p99: 1, speed: 50_000 })],
      ]),
    );
    const { peerSpeed, ...ratios } = rows[0]?.ratios ?? {};
    assert.deepEqual(ratios, { peerCpu: 16, peerP99: 10, goCpu: 1.25, floorCpu: 5 });
    assert.ok(Math.abs((peerSpeed ?? 0) - 10) < 1e-9);
  });

  it('judges by bounds, and says by how much they are broken', () => {
    const bounds = { 'assign-small': { floorCpuAtMost: 8, peerCpuAtLeast: 10 } };
    const verdicts = (cpu: number): string[] =>
      judge(
        compare(
          'assign-small',
          new Map([
            ['service', figures({ cpu })],
            ['peer-sync', figures({ cpu: 800 })],
            ['floor', figures({ cpu: 10 })],
          ]),
        ),
        bounds,
      ).map(({ holds, sentence }) => `${String(holds)} ${sentence}`);
    assert.match(verdicts(50)[0] ?? '', /^true .* 50\.0 µs .* 5\.00 times .* at most 8 times/);
    assert.match(verdicts(50)[1] ?? '', /^true .* 16\.0 times .* at least 10 times/);
    assert.match(verdicts(100)[0] ?? '', /^false .* 10\.0 times .* at most 8 times/);
    assert.match(verdicts(100)[1] ?? '', /^false .* 8\.00 times .* at least 10 times/);
  });

  it('prints figures of three digits, in columns', () => {
    assert.deepEqual([1234.5, 99.94, 1.004, undefined].map(figure), ['1,235', '99.9', '1.00', '–']);
    const table = textTable(
      ['name', 'value'],
      [
        ['a', figure(1)],
        ['long', figure(100)],
      ],
    );
    assert.deepEqual(table.split('\n'), [
      'name  value',
      '----  -----',
      'a      1.00',
      'long    100',
    ]);
  });

  it('refuses options that it does not know', () => {
    assert.deepEqual(readOptions(['--only', 'mixed,floor']).contenders, ['floor']);
    assert.deepEqual(readOptions(['--only', 'service']).cases, CASES);
    assert.throws(() => readOptions(['--only', 'mixd']), /there is no mixd/);
    assert.throws(() => readOptions(['--fast']), /--fast/);
    const against = readOptions(['--against', 'elsewhere/dist']);
    assert.deepEqual([against.mode, against.against], ['against', 'elsewhere/dist']);
    assert.throws(() => readOptions(['--against', 'dist', '--guard']), /no other option/);
  });
});

describe('The bench: a tiny run', function () {
  this.timeout(60_000);
  let results: Results;
  let refusal: unknown;

  before(() =>
    withReleasers(async (releaseLater) => {
      const stage = await openStage(theFleet().python, releaseLater);
      const { contenders = [], ...options } = readOptions([
        ...['--quick', '--only', 'assign-small,mixed,service,floor'],
      ]);
      results = await runTable(stage, { ...options, contenders }, silent, TINY);
      refusal = await refusalOf(stage).catch((error: unknown) => error);
    }),
  );

  it('gives every figure of every case and contender', () => {
    assert.deepEqual(
      results.rows.map((row) => `${row.case} ${row.contender}`),
      ['assign-small service', 'assign-small floor', 'mixed service', 'mixed floor'],
    );
    for (const { case: name, contender, ratios, ...own } of results.rows) {
      for (const [key, value] of Object.entries(own)) {
        // CPU time and memory are read from /proc.
        if (value === undefined && process.platform !== 'linux') continue;
        assert.ok(typeof value === 'number' && value >= 0, `${name} ${contender} ${key}: ${value}`);
      }
      assert.ok(own.requestsPerSecond > 0);
      assert.equal(ratios.peerCpu, undefined);
    }
    assert.deepEqual(
      results.startups.map(({ contender, startsMs }) => [contender, startsMs.length]),
      [
        ['service', 2],
        ['floor', 2],
        ['bare-express', 2],
      ],
    );
    assert.match(
      startupText(results.startups),
      /: service [\d,.]+ ms, floor [\d,.]+ ms, bare-express [\d,.]+ ms\.$/,
    );
    assert.equal(startupText([]), '');
    assert.deepEqual(results.effort, TINY);
    assert.match(results.machine.redis, /^(Redis|Valkey) \d/);
  });

  it('fails when an answer is no 2xx', () => {
    assert.match(String(refusal), /An answer is no 2xx: HTTP\/1\.1 400/);
  });

  it('shows its results in the documents, once', () => {
    const before = 'a\n<!-- npm run bench -- --write-readme -->\nold\n<!-- end -->\nz\n';
    const inside = speedText(results);
    assert.match(inside, /^\| case[^]*\| assign-small \| service \|[^]*\nFrom start to [^]*$/);
    const once = withMeasured(before, inside);
    assert.ok(once.startsWith('a\n') && once.endsWith('\nz\n') && once.includes(inside));
    assert.ok(!once.includes('old'));
    assert.equal(withMeasured(once, inside), once);
    assert.throws(() => withMeasured('a\n', inside), /There is no <!-- npm run bench/);
  });

  it('writes them into the documents as they are', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bench-'));
    try {
      for (const path of ['README.md', 'docs/speed.md']) {
        await cp(join(REPOSITORY, path), join(folder, path));
      }
      await writeReadme(folder, results);
      const text = (path: string): Promise<string> => readFile(join(folder, path), 'utf8');
      assert.ok((await text('README.md')).includes(headline(results)));
      assert.ok((await text('docs/speed.md')).includes(startupText(results.startups)));
      assert.equal(await text('docs/speed.svg'), speedChart(results));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says in one line what an assignment costs, beside the better form of the peer', () => {
    const rows = ['assign-small', 'assign-100kb'].flatMap((name, index) =>
      compare(
        name,
        new Map([
          ['service', figures({ cpu: 50 * (1 + index) })],
          ['peer-sync', figures({ cpu: 1_400 })],
          ['peer-async', figures({ cpu: 900 })],
        ]),
      ),
    );
    assert.match(
      headline({ ...results, rows }),
      /^- \*\*50\.0 µs\*\* .* 900 µs: 18\.0 times as much, and 9\.00 times with params of 100 kB\.$/,
    );
  });

  it('draws a bar for each row', () => {
    const bars = speedChart(results).match(/<rect class="bar /g) ?? [];
    assert.equal(bars.length, results.rows.length);
  });
});

describe('The bench: this build beside another', function () {
  this.timeout(60_000);

  it('compares the CPU time per request, pair by pair', () =>
    withReleasers(async (releaseLater) => {
      const stage = await openStage(theFleet().python, releaseLater);
      const { cases } = readOptions(['--against', 'dist', '--only', 'assign-small']);
      const effort = { pairs: 1, rounds: 2, connections: [2], warmUpMs: 50, requests: 500 };
      const compared = await runAgainst(stage, REPOSITORY, cases, silent, effort);
      const [row] = againstCells(compared);
      assert.deepEqual(row?.slice(0, 2), ['assign-small', '2']);
      if (process.platform === 'linux') {
        assert.match(row[2] ?? '', /^\d+\.\d$/);
        assert.match(row[4] ?? '', /^[+-]\d+\.\d %$/);
      }
    }));
});

describe('The bench: clients that wait', function () {
  this.timeout(60_000);

  it('are told of each end, in every way', () =>
    withReleasers(async (releaseLater) => {
      const stage = await openStage(theFleet().python, releaseLater);
      const waiting = await runWaiting(stage, silent, { few: 4, many: 20, endsWithinMs: 100 });
      assert.deepEqual(
        waitingCells(waiting).map(([way, clients]) => `${way} ${clients}`),
        [
          'poll every 2 s, as the old service 4',
          ...['long poll 4', 'events 4', 'socket 4'],
          ...['long poll 20', 'events 20', 'socket 20'],
        ],
      );
      for (const { way, p50Ms, p99Ms, longestMs } of waiting.rows) {
        assert.ok(p50Ms > 0 && p50Ms <= p99Ms && p99Ms <= longestMs, way);
        assert.ok(way === 'poll' || longestMs < 1_000, `${way}: ${longestMs} ms`);
      }
      assert.equal(waiting.remark, '');
    }));
});

async function refusalOf(stage: Stage): Promise<void> {
  const service = await startWarm(stage, ['service']);
  const requests = [resultRequest('not%20an%20id', 'pending')];
  await measureCase(
    stage,
    { name: 'refused', requests, maximumRequests: 10 },
    service,
    TINY,
    silent,
  );
}

function figures(given: { cpu: number; p99?: number; speed?: number }): Figures {
  return {
    requestsPerSecond: given.speed ?? 1,
    p50Ms: 1,
    p99Ms: given.p99 ?? 1,
    cpuMicrosecondsPerRequest: given.cpu,
    peakMemoryMegabytes: 100,
    redisCpuMicrosecondsPerRequest: 5,
    loadCpuMicrosecondsPerRequest: 10,
  };
}
