// Holds openapi.yaml against the rules of redocly.yaml, and fails for any problem, and for any exemption that
// nothing needs. It is Redocly's library that looks, as its command reports to its makers how it is used.
import { formatProblems, getTotals, lint, loadConfig } from '@redocly/openapi-core';

const config = await loadConfig({ configPath: 'redocly.yaml' });
const problems = await lint({ ref: 'openapi.yaml', config });
const totals = getTotals(problems);
formatProblems(problems, { format: 'codeframe', totals, version: '' });

const exemptions = Object.values(config.styleguide.ignore).flatMap((rules) =>
  Object.entries(rules).flatMap(([rule, pointers]) => [...pointers].map((at) => `${rule} ${at}`)),
);
const used = new Set(
  problems
    .filter(({ ignored }) => ignored)
    .map(({ ruleId, location: [first] }) => `${ruleId} ${first.pointer}`),
);
const useless = exemptions.filter((exemption) => !used.has(exemption));
for (const exemption of useless) {
  console.error(`.redocly.lint-ignore.yaml exempts what is no problem: ${exemption}`);
}
console.log(
  `openapi.yaml: ${totals.errors} errors, ${totals.warnings} warnings, ${totals.ignored} exemptions`,
);
process.exitCode = totals.errors + totals.warnings + useless.length > 0 ? 1 : 0;
