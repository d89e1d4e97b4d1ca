import type { WorkerSettings } from '../../celery/fleet/workerSettings.js';
import { findingsOfWorkers, type Facts, type Finding, type ServiceSettings } from './facts.js';

/** Gives the database of a Redis by its URL as Celery takes it; undefined where it can't be told. */
export type ReadDatabase = (url: string) => number | undefined;

/** The schemes of Celery's Redis backend (`BACKEND_ALIASES` of celery/app/backends.py), and `redis` alone, its alias. */
const REDIS_SCHEMES = ['redis', 'rediss', 'redis+socket', 'socket', 'sentinel'];

/** Whether the workers store results where this service reads them, and so that it can. */
export function resultFindings({ service, fleet }: Facts, readDatabase: ReadDatabase): Finding[] {
  return (fleet?.workers ?? []).length === 0
    ? []
    : [
        backendFault(service, readDatabase),
        prefixFault(service),
        ignoreFault,
        serializerFault,
      ].flatMap((faultOf) => findingsOfWorkers(fleet?.workers ?? [], faultOf));
}

type FaultOf = (worker: WorkerSettings) => Omit<Finding, 'workers'> | undefined;

function backendFault({ backend }: ServiceSettings, readDatabase: ReadDatabase): FaultOf {
  return ({ configuration }) => {
    const { result_backend: setting } = configuration;
    if (typeof setting !== 'string' || setting.startsWith('disabled')) {
      return {
        check: 'result_backend',
        message: 'The workers store no results: every task stays pending.',
        mend: `Set their result_backend to the Redis that this service reads: ${backend.label}.`,
      };
    }
    const [scheme = ''] = setting.split(':');
    const elsewhere = (where: string) => ({
      check: 'result_backend' as const,
      message: `The workers store results in ${where}, and this service reads ${backend.label}: every task stays pending.`,
      mend: "Give CELERY_RESULT_BACKEND (or REDIS_URL) and the workers' result_backend the same server and database.",
    });
    if (!REDIS_SCHEMES.includes(scheme)) {
      return elsewhere(`${scheme}, which is no Redis`);
    }
    // One server may have another name on another host, so that only the database can be told.
    const database = readDatabase(setting);
    return database === undefined || database === backend.database
      ? undefined
      : elsewhere(`database ${database}`);
  };
}

function prefixFault({ backend }: ServiceSettings): FaultOf {
  return ({ configuration }) => {
    const options = configuration.result_backend_transport_options as
      { global_keyprefix?: unknown } | null | undefined;
    // Celery masks it, as it masks all whose name has KEY in it: whether there is one can be told.
    const hasPrefix = Boolean(options?.global_keyprefix);
    return hasPrefix === (backend.keyPrefix !== '')
      ? undefined
      : {
          check: 'result_key_prefix',
          message: hasPrefix
            ? 'The workers store results with a key prefix, and this service reads them with none: every task stays pending.'
            : `The workers store results without a key prefix, and this service reads them with ${backend.keyPrefix}: every task stays pending.`,
          mend: 'Set CELERY_RESULT_GLOBAL_KEYPREFIX to the global_keyprefix of their result_backend_transport_options.',
        };
  };
}

const ignoreFault: FaultOf = ({ configuration }) =>
  configuration.task_ignore_result === true
    ? {
        check: 'results_ignored',
        message: 'The workers keep no results (task_ignore_result): tasks stay pending.',
        mend: 'Set task_ignore_result to False, and ignore_result=True at those tasks alone whose results nobody reads.',
      }
    : undefined;

const serializerFault: FaultOf = ({ configuration }) => {
  const { result_serializer: serializer } = configuration;
  return serializer === 'json'
    ? undefined
    : {
        check: 'result_serializer',
        message: `The workers write results as ${String(serializer)}, which this service does not read.`,
        mend: 'Set their result_serializer to json.',
      };
};
