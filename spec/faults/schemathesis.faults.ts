import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../../stack/process.js';
import { preparePython, type PythonEnvironment } from '../../stack/python.js';
import { report } from '../support/faults/figures.js';
import { onStage } from '../support/faults/stage.js';
import { REPOSITORY } from '../support/fleet.js';

const FOLDER = `${REPOSITORY}spec/support/schemathesis`;
const FEWEST_CASES = 2_000;

/** What is of interest of Schemathesis's own report. */
interface SchemathesisReport {
  complete: boolean;
  exit_code: number;
  operations: { total: number; selected: number; tested: number };
  test_cases: { generated: number; with_failures: number; without_checks: number };
  failures: { title: string; count: number; operations: unknown[] }[];
  errors: unknown[];
}

describe('Schemathesis', function () {
  this.timeout(600_000);
  let python: PythonEnvironment;
  before(async () => {
    python = await preparePython({
      folder: FOLDER,
      environment: process.env,
      say: (line) => {
        process.stdout.write(`    Schemathesis: ${line}\n`);
      },
    });
  });

  it('finds no answer that the contract does not document', async () => {
    await onStage(async ({ service, releaseLater }) => {
      // None of its tasks ends: it is not to wait for them.
      const { url, lines } = await service({ RESULT_WAIT_MAX: '0' });
      const folder = await mkdtemp(join(tmpdir(), 'schemathesis-'));
      releaseLater(() => rm(folder, { recursive: true, force: true }));
      const reportFile = join(folder, 'report.json');
      const { output } = await runCommand({
        name: 'Schemathesis',
        command: python.binary('schemathesis'),
        arguments: [
          ...['--no-color', '--config-file', join(FOLDER, 'schemathesis.toml')],
          ...['run', `${url}/openapi.json`, '--report', 'json', '--report-json-path', reportFile],
        ],
        environment: process.env,
        folder,
      });
      const found = JSON.parse(await readFile(reportFile, 'utf8')) as SchemathesisReport;
      report({
        scenario: 'Schemathesis, all checks',
        requests: found.test_cases.generated,
        remark:
          `${found.operations.tested} operations, ${found.test_cases.with_failures} failed: ` +
          (found.failures.map(({ title, count }) => `${title} (${count})`).join(', ') || 'none'),
      });
      assert.deepEqual(found.failures, [], output.join('\n'));
      assert.deepEqual(found.errors, []);
      assert.equal(found.exit_code, 0);
      assert.ok(found.complete);
      // All but the stream, which has no end.
      assert.equal(found.operations.selected, found.operations.total - 1);
      assert.equal(found.operations.tested, found.operations.selected);
      assert.equal(found.test_cases.without_checks, 0);
      assert.ok(found.test_cases.generated >= FEWEST_CASES, `${found.test_cases.generated} cases`);
      assert.equal((await fetch(`${url}/health/ready`)).status, 200);
      assert.deepEqual(
        lines().filter(({ level }) => level === 'ERROR' || level === 'CRITICAL'),
        [],
      );
    });
  });
});
