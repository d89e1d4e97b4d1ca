import { writeFile } from 'node:fs/promises';
import { preparePython } from '../../stack/python.js';
import { REPOSITORY, WORKERS_FOLDER } from './fleet.js';
import { licencesPage } from './licences.js';

const python = await preparePython({
  folder: WORKERS_FOLDER,
  environment: process.env,
  say: console.log,
});
await writeFile(`${REPOSITORY}docs/licences.md`, await licencesPage(python));
