import type { Operation } from '../operation.js';

/** Says which service this is. */
export function createGetServiceInformation(about: {
  title: string;
  version: string;
}): Operation<'getServiceInformation'> {
  return () => ({
    status: 200,
    mediaType: 'application/json',
    body: {
      message: `${about.title} is running`,
      service: 'orchestrator_service',
      status: 'running',
      version: about.version,
      timestamp: new Date().toISOString(),
    },
  });
}
