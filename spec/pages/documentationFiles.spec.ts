import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import {
  get as httpGet,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http';
import request, { type Test } from 'supertest';
import { pageFile, PAGES_FOLDER as FOLDER } from '../support/pageFiles.js';
import { startTestService, type TestService } from '../support/service.js';

const [SCRIPT, STYLE, ICON] = [
  pageFile('redoc', /^redoc.*\.js$/),
  pageFile('docs', /^swagger-ui\..*\.css$/),
  pageFile('docs', /^favicon-32x32.*\.png$/),
];

/** Headers that clients send, and the coding that each wants most. */
const WISHES: readonly [header: string, coding: string][] = [
  ['gzip, deflate, br, zstd', 'br'],
  ['br', 'br'],
  ['*', 'br'],
  ['gzip', 'gzip'],
  ['GZIP', 'gzip'],
  ['br;q=0.5, gzip;q=0.8', 'gzip'],
  ['br;q=0, gzip;q=0.1', 'gzip'],
  ['*, br;q=0', 'gzip'],
  ['gzip;q=0.5, identity', 'identity'],
  ['identity', 'identity'],
  ['zstd', 'identity'],
  ['br;q=0, gzip;q=0', 'identity'],
  ['', 'identity'],
  ['identity;q=1, *;q=0', 'identity'],
];

describe('What the documentation pages load', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({
      SECURITY_HEADERS: 'true',
      CORS_ORIGINS: 'https://a.example',
    });
  });
  after(() => service.close());

  const get = (path: string, wish?: string): Test => ask(service.get(path), wish);

  it('is compressed when the service is built: by four times and more', () => {
    const files = ['docs', 'redoc'].flatMap((page) =>
      readdirSync(`${FOLDER}${page}`)
        .filter((name) => /\.(js|css)$/.test(name))
        .map((name) => `${FOLDER}${page}/${name}`),
    );
    assert.equal(files.length, 4);
    const sizeOf = (suffix: string): number =>
      files.reduce((sum, file) => sum + statSync(`${file}${suffix}`).size, 0);
    assert.ok(sizeOf('.br') * 4 < sizeOf(''));
    assert.ok(sizeOf('.br') < sizeOf('.gz'));
  });

  for (const path of [SCRIPT, STYLE, '/openapi.json', '/openapi.yaml', '/docs']) {
    it(`is answered in the coding that the client wants most: ${path}`, async () => {
      const plain = (await get(path, 'identity').expect(200)).text;
      const tags = new Map<string, unknown>();
      for (const [wish, coding] of WISHES) {
        const answer = await get(path, wish).expect(200).expect('Vary', 'Origin, Accept-Encoding');
        const what = `Accept-Encoding: ${wish}`;
        assert.equal(answer.headers['content-encoding'] ?? 'identity', coding, what);
        assert.equal(answer.text, plain, what);
        assert.equal(answer.headers['x-content-type-options'], 'nosniff');
        tags.set(coding, answer.headers.etag);
      }
      assert.equal(new Set(tags.values()).size, 3);
    });
  }

  it('is text and style of the right type', async () => {
    await get(SCRIPT).expect('Content-Type', 'text/javascript; charset=utf-8');
    await get(STYLE).expect('Content-Type', 'text/css; charset=utf-8');
    await get('/openapi.json').expect('Content-Type', 'application/json; charset=utf-8');
  });

  it('is not compressed where that saves nothing', async () => {
    for (const path of [ICON, '/redoc']) {
      const answer = await get(path).expect(200);
      assert.equal(answer.headers['content-encoding'], undefined, path);
      assert.notEqual(answer.headers.etag, undefined, path);
    }
  });

  it('has the length of what is sent, for HEAD too', async () => {
    for (const path of [SCRIPT, '/openapi.json', '/redoc']) {
      for (const wish of ['br', 'gzip', 'identity']) {
        const { headers } = await ask(service.request('head', path), wish).expect(200);
        const whole = await get(path, wish).expect('Content-Length', /^\d+$/);
        for (const name of ['content-length', 'content-type', 'content-encoding', 'etag', 'vary']) {
          assert.equal(headers[name], whole.headers[name], `${path} in ${wish}: ${name}`);
        }
      }
    }
    const sent = await get(SCRIPT, 'br');
    assert.equal(Number(sent.headers['content-length']), statSync(`${FOLDER}${SCRIPT}.br`).size);
  });

  it('is not sent again to whoever has it in that coding', async () => {
    for (const path of [SCRIPT, ICON, '/openapi.json', '/docs', '/redoc']) {
      for (const wish of ['br', 'identity']) {
        const tag = (await get(path, wish)).headers.etag ?? '';
        const again = await get(path, wish).set('If-None-Match', tag).expect(304);
        assert.equal(again.text, '');
        assert.equal(again.headers.etag, tag);
        assert.equal(again.headers['content-encoding'], undefined);
        assert.equal(again.headers['content-type'], undefined);
        assert.match(again.headers.vary ?? '', /Origin/);
      }
    }
    for (const path of [SCRIPT, '/openapi.json']) {
      const tag = (await get(path, 'br')).headers.etag ?? '';
      await get(path, 'gzip').set('If-None-Match', tag).expect(200);
    }
  });

  it('is kept for a year under the links of the pages', async () => {
    for (const page of ['/docs', '/redoc']) {
      const { text } = await get(page).expect('Cache-Control', 'no-cache');
      const links = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, link]) => link ?? '');
      // A script with this installation's options is made by the service, not by the build.
      const files = links.filter((link) => !/\/(swagger-ui-init|redoc-start)\.js$/.test(link));
      assert.equal(files.length, page === '/docs' ? 5 : 1);
      for (const file of files) {
        assert.match(file, /\.[0-9a-f]{12}\.(js|css|png)$/);
        await get(file)
          .expect(200, /./)
          .expect('Cache-Control', /^public, max-age=31536000, immut/);
        await get(file.replace(/[0-9a-f]{12}/, '000000000000')).expect(404);
        await get(`${file}.br`).expect(404);
      }
    }
    await get('/openapi.json').expect('Cache-Control', 'no-cache');
  });

  it('gives ranges of the bytes in the coding that it is sent in', async () => {
    for (const [coding, suffix] of [
      ['identity', ''],
      ['br', '.br'],
    ] as const) {
      const whole = readFileSync(`${FOLDER}${SCRIPT}${suffix}`);
      const { status, headers, bytes } = await getRaw(`${service.url}${SCRIPT}`, {
        'Accept-Encoding': coding,
        Range: 'bytes=10-19',
      });
      assert.equal(status, 206);
      assert.equal(headers['content-range'], `bytes 10-19/${whole.length}`);
      assert.equal(headers['content-encoding'] ?? 'identity', coding);
      assert.deepEqual(bytes, whole.subarray(10, 20));
    }
  });

  it('is sent as it is to whoever names no coding', async () => {
    for (const path of [SCRIPT, '/openapi.json']) {
      const { status, headers, bytes } = await getRaw(`${service.url}${path}`, {});
      assert.equal(status, 200);
      assert.equal(headers['content-encoding'], undefined);
      assert.equal(bytes.length, Number(headers['content-length']));
      assert.equal(bytes.toString(), (await get(path, 'br')).text);
    }
  });

  it('says in no coding what is wrong with a request', async () => {
    for (const [header, value, status] of [
      ['Range', 'bytes=99999999-', 416],
      ['If-Match', '"other"', 412],
    ] as const) {
      const answer = await get(SCRIPT, 'br').set(header, value).expect(status);
      assert.equal(answer.headers['content-encoding'], undefined);
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.equal((answer.body as { status: string }).status, 'error');
    }
    await get('/redoc/nothing.js', 'br').expect(404);
  });

  it('leaves the answers of the other routes as they are', async () => {
    const answer = await get('/health/live', 'br').expect('Cache-Control', 'no-store');
    assert.equal(answer.headers.etag, undefined);
    assert.equal(answer.headers['content-encoding'], undefined);
    assert.equal(answer.headers.vary, 'Origin');
  });

  it('is found under ROOT_PATH, whether a proxy strips it or not', async () => {
    const proxied = await startTestService({ ROOT_PATH: '/tasks/api' });
    try {
      const { text } = await proxied.get('/docs').expect(200);
      const link = `/tasks/api${STYLE}`;
      assert.ok(text.includes(`href="${link}"`));
      for (const path of [link, STYLE]) {
        await ask(request(proxied.url).get(path), 'br')
          .expect(200)
          .expect('Content-Encoding', 'br')
          .expect('Cache-Control', /immutable/);
      }
    } finally {
      await proxied.close();
    }
  });
});

/** The path of the only file of a page that is called so. */
/** superagent asks for gzip and deflate unless it is told otherwise. */
function ask(test: Test, wish = 'gzip, deflate, br'): Test {
  return test.set('Accept-Encoding', wish);
}

/** Sends no other headers than these, and decodes nothing. */
async function getRaw(
  url: string,
  headers: OutgoingHttpHeaders,
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; bytes: Buffer }> {
  const [answer] = (await once(httpGet(url, { headers }), 'response')) as [IncomingMessage];
  const chunks = (await answer.toArray()) as Buffer[];
  return { status: answer.statusCode, headers: answer.headers, bytes: Buffer.concat(chunks) };
}
