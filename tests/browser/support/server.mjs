/** A static server on a port of its own. */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import sirv from "sirv";

const REPOSITORY = fileURLToPath(new URL("../../..", import.meta.url));

/**
 * Serves a directory, by default the repository's root, as it is at the time of each request.
 * @param {string} directory
 * @param {Record<string, string>} headers sent with every answer, in place of the server's own
 * @returns {Promise<{origin: string, close(): Promise<void>}>}
 */
export async function serve(directory = REPOSITORY, headers = {}) {
  // dev: look at the disk each time. Only a file that is there is an answer.
  const files = sirv(directory, { dev: true, dotfiles: false });
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    files(request, response, () => response.writeHead(404).end());
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
