import { createApi } from './api.js';
import { createAssign } from './assignment.js';
import { createBackoff, pause } from './backoff.js';
import { readContract, type Contract } from './contract.js';
import { find, setText } from './elements.js';
import { showFleet } from './fleet.js';
import { at } from './json.js';
import { createKeyring } from './key.js';
import { createReach, type Reach } from './reach.js';
import { createTaskForm } from './taskForm.js';
import { createTaskList } from './taskList.js';
import { createTaskTypeChoice } from './taskTypes.js';
import { createWatcher } from './watcher.js';

const reach = createReach();
const contract = await loadContract(reach);
showService(contract);
const keyring = createKeyring();
const api = createApi(contract, keyring, reach);
const taskTypes = createTaskTypeChoice(contract);
const tasks = createTaskList(contract, api, createWatcher(api, keyring));
createTaskForm(contract, taskTypes, createAssign(api), tasks.add);
showFleet(api, keyring, taskTypes.showLive);
if (contract.asksForKeys && keyring.key() === '') {
  keyring.ask('');
}
find('loading', HTMLElement).hidden = true;
find('content', HTMLElement).hidden = false;

/** The contract says what else there is, and where. */
async function loadContract({ succeeded, failed }: Reach): Promise<Contract> {
  const address = document.querySelector('meta[name="contract"]')?.getAttribute('content') ?? '';
  const backoff = createBackoff();
  for (;;) {
    try {
      const response = await fetch(address);
      const document: unknown = await response.json();
      if (response.ok && at(document, 'paths') !== undefined) {
        succeeded();
        return readContract(document);
      }
      failed(`something else answers ${response.status}`);
    } catch {
      failed('no connection');
    }
    await pause(backoff.next());
  }
}

function showService({ title, version, routeOf }: Contract): void {
  setText(find('service', HTMLElement), `${title} ${version}`);
  const link = find('api-link', HTMLAnchorElement);
  link.href = routeOf('getSwaggerUi')?.path ?? '';
  link.hidden = link.href === '';
}
