import assert from 'node:assert/strict';
import { pageFile } from '../support/pageFiles.js';
import { startTestService, type TestService } from '../support/service.js';

describe('SECURITY_HEADERS', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ SECURITY_HEADERS: 'true', ROOT_PATH: '/api' });
  });
  after(() => service.close());

  for (const path of [
    '/',
    '/health',
    '/result/a',
    '/result/%20',
    '/nothing',
    pageFile('docs', /\.css$/),
    pageFile('console', /^main\..*\.js$/),
  ]) {
    it(`lets a browser load nothing for ${path}`, async () => {
      const { headers } = await service.get(path);
      assert.deepEqual(policyOf(headers), [
        "base-uri 'none'",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
      ]);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.equal(headers['x-frame-options'], 'DENY');
    });
  }

  for (const path of ['/docs', '/docs/', '/redoc', '/api/redoc']) {
    it(`lets a browser load what ${path} needs from here`, async () => {
      const { headers } = await service.get(path).expect(200);
      const policy = policyOf(headers);
      for (const directive of [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
      ]) {
        assert.ok(policy.includes(directive), policy.join('; '));
      }
    });
  }

  it('let no text become script in the console', async () => {
    for (const path of ['/console', '/console/', '/api/console']) {
      const { headers, text } = await service.get(path).expect(200);
      const expected = [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        'img-src data:',
        "require-trusted-types-for 'script'",
        "script-src 'self'",
        "style-src 'self'",
        "trusted-types 'none'",
      ];
      assert.deepEqual(policyOf(headers), expected);
      // So that it holds without these headers too. A page can't say who may frame it.
      const [, own = ''] =
        /http-equiv="Content-Security-Policy"\s+content="([^"]+)"/.exec(text) ?? [];
      assert.deepEqual(
        own.split('; ').sort(),
        expected.filter((directive) => !directive.startsWith('frame-ancestors')),
      );
    }
  });

  it('are not there unless asked for', async () => {
    const plain = await startTestService();
    try {
      const { headers } = await plain.get('/docs').expect(200);
      assert.equal(headers['content-security-policy'], undefined);
      assert.equal(headers['x-frame-options'], undefined);
    } finally {
      await plain.close();
    }
  });
});

function policyOf(headers: Record<string, string>): string[] {
  return (headers['content-security-policy'] ?? '').split(';').sort();
}
