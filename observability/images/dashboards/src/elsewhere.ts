// Where the layer's other pages are: the same machine's node ports.
const at = (port: number, path: string): string => `${location.protocol}//${location.hostname}:${port}${path}`;

export const ALERTS = at(9093, '/#/alerts');
export const QUERIES = at(9090, '/graph');
export const TRACES = at(9411, '/zipkin/');
export const traceUrl = (id: string): string => at(9411, `/zipkin/traces/${id}`);
export const logsUrl = (query: string): string => `/logs?q=${encodeURIComponent(query)}`;
