import type { Config } from '../config/config.js';
import { openLog } from '../log/log.js';
import { diagnosisText, type Diagnosis } from '../operations/doctor/diagnosis.js';
import { createDoctor } from './doctor.js';
import { createInstalledRoutes, loadInstalledContract } from './installedContract.js';
import { openRedisConnections } from './redisConnections.js';

/** How long to wait for Redis's answer to QUIT. */
const QUIT_MS = 500;

/**
 * Examines the fleet without a service.
 *
 * @returns what is to be printed, and whether nothing is wrong
 * @throws ContractError
 */
export async function examineOnce(
  config: Config,
  as: 'text' | 'json',
): Promise<{ text: string; isHealthy: boolean }> {
  const contract = await loadInstalledContract(config);
  // What a log would tell of Redis, the diagnosis does.
  const { log } = openLog({ level: 'CRITICAL', file: undefined, console: undefined });
  const connections = openRedisConnections(config, log);
  try {
    const { route, queues } = createInstalledRoutes(config, contract);
    const examine = createDoctor(config, { ...connections, contract, route, queues });
    const diagnosis: Diagnosis = await examine();
    return {
      text: as === 'json' ? `${JSON.stringify(diagnosis, null, 2)}\n` : diagnosisText(diagnosis),
      isHealthy: diagnosis.healthy,
    };
  } finally {
    await connections.close(QUIT_MS);
  }
}
