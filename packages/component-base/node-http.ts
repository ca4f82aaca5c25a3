/**
 * What the code uses of node:http. Who imports that module itself also loads node's fetch, for the names of it that node:http
 * re-exports: 12 MiB and a tenth of the time that a cluster takes to start.
 */
export const { Agent, request, STATUS_CODES } = process.getBuiltinModule('node:http');
