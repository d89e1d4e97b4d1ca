import { optional, parseBoolean, type Parse, type ReadVariable } from './reader.js';

/**
 * Decides from the OTEL_* variables whether spans are exported; OpenTelemetry itself reads the rest. Protocols and
 * exporters that are not built in are faults.
 */
export function exportsSpans(read: ReadVariable): boolean {
  const secret = { secret: true };
  const endpoints = [
    read('OTEL_EXPORTER_OTLP_ENDPOINT', optional(parseHttpUrl), undefined, secret),
    read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', optional(parseHttpUrl), undefined, secret),
  ];
  read('OTEL_EXPORTER_OTLP_PROTOCOL', parseOtlpProtocol, 'http/json');
  read('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', parseOtlpProtocol, 'http/json');
  const isDisabled = read('OTEL_SDK_DISABLED', parseBoolean, 'false');
  const exporter = read('OTEL_TRACES_EXPORTER', parseTracesExporter, 'otlp');
  return exporter === 'otlp' && !isDisabled && endpoints.some((url) => url !== undefined);
}

const parseHttpUrl: Parse<string> = (text) => {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text)) {
    throw new Error('must be a URL with http:// or https://');
  }
  return text;
};

const parseOtlpProtocol: Parse<string> = (text) => {
  if (text !== 'http/json') {
    throw new Error(
      'must be http/json, the only form in which spans are sent (port 4318 of a collector)',
    );
  }
  return text;
};

const parseTracesExporter: Parse<string> = (text) => {
  if (text !== 'otlp' && text !== 'none') {
    throw new Error('must be otlp or none');
  }
  return text;
};
