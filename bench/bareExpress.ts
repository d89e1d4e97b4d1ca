import express from 'express';

// The least that an Express app is, beside which a start is timed. The argument is its port.

const app = express();
app.get('/health', (_request, response) => {
  response.json({ status: 'ok' });
});
app.listen(Number(process.argv[2]), '127.0.0.1');
