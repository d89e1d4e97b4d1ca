import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { REPOSITORY } from '../support/fleet.js';
import { startTestService, type TestService } from '../support/service.js';

const FOLDER = `${REPOSITORY}dist/pages/console/`;
const WITH_DIGEST = /\.[0-9a-f]{12}\.(js|css)$/;

describe('What the console loads', () => {
  let service: TestService;
  before(async () => {
    service = await startTestService({ ROOT_PATH: '/tasks/api' });
  });
  after(() => service.close());

  const linksOf = async (): Promise<string[]> => {
    const { text } = await service
      .get('/console')
      .expect(200)
      .expect('Content-Type', /^text\/html/);
    return [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, link]) => link ?? '');
  };

  it('is small: less than 40 kB with the page', () => {
    const sizes = namesWith('.br').map((name) => statSync(`${FOLDER}${name}`).size);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(total + statSync(`${REPOSITORY}dist/pages/console.html`).size < 40_000, `${total}`);
  });

  it('is linked to under addresses that are kept for a year, all of it', async () => {
    const links = await linksOf();
    const names = links.map((link) => link.replace('/tasks/api/console/', ''));
    assert.deepEqual(
      [...new Set(names)].sort(),
      [...namesWith('.css'), ...namesWith('.js')].sort(),
    );
    for (const link of links) {
      assert.match(link, WITH_DIGEST);
      for (const coding of ['br', 'gzip', 'identity']) {
        const answer = await service.get(link).set('Accept-Encoding', coding).expect(200);
        assert.equal(answer.headers['content-encoding'] ?? 'identity', coding, link);
        assert.match(answer.headers['cache-control'] ?? '', /max-age=31536000, immutable/);
      }
    }
  });

  it('imports its modules by these names too', () => {
    for (const name of namesWith('.js')) {
      const text = readFileSync(`${FOLDER}${name}`, 'utf8');
      for (const [, module = ''] of text.matchAll(/^import [^'"]*['"]([^'"]+)['"]/gm)) {
        assert.ok(namesWith('.js').includes(module.replace('./', '')), `${name}: ${module}`);
      }
    }
  });

  it('comes with a page that names nothing else, in Brotli, with an ETag', async () => {
    const answer = await service.get('/console').set('Accept-Encoding', 'br').expect(200);
    assert.equal(answer.headers['content-encoding'], 'br');
    assert.equal(answer.headers['cache-control'], 'no-cache');
    assert.doesNotMatch(answer.text, /https?:|\{|<style|style=|<script(?![^>]+src=)| on[a-z]+=/);
    const tag = answer.headers.etag ?? '';
    await service
      .get('/console')
      .set('Accept-Encoding', 'br')
      .set('If-None-Match', tag)
      .expect(304);
  });
});

function namesWith(ending: string): string[] {
  return readdirSync(FOLDER).filter((name) => name.endsWith(ending));
}
