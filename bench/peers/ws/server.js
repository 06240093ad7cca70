// Node `ws` as its readme broadcasts: `POST /publish` goes to everybody who is connected. No sign-in, no metrics.
const http = require('http');
const { WebSocketServer } = require('ws');

const server = http.createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const data = Buffer.concat(parts);
    for (const client of wss.clients) client.send(data, { binary: false });
    response.writeHead(204).end();
  });
});
const wss = new WebSocketServer({ server, perMessageDeflate: false });
server.keepAliveTimeout = 60_000;
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
