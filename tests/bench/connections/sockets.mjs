// Many connections of one process, spoken to by hand: a socket each, and no more memory for it than needed.
import { connect } from 'node:net';

/** One request as bytes. */
export const message = (target, headers, body, method = 'POST') => {
  const { host, pathname } = new URL(target.url);
  const text = body === undefined ? '' : JSON.stringify(body);
  const lines = Object.entries({ host, ...headers, ...(method === 'POST' ? { 'content-length': text.length } : {}) }).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${pathname} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${text}`;
};

/** A connection to `target`. */
export const open = (target) => new Promise((done, fail) => {
  const socket = connect(Number(new URL(target.url).port), '127.0.0.1', () => done(socket));
  socket.once('error', fail);
});

/** Sends `bytes` and answers the head of what comes back as soon as its body is there; of an event stream, as soon as there is an event or, with
 *  `headOnly`, its head. */
export const ask = (socket, bytes, { headOnly = false } = {}) => new Promise((done, fail) => {
  let text = '';
  const late = setTimeout(() => stop(fail, new Error(`no answer in 10 s, only ${JSON.stringify(text.slice(0, 200))}`)), 10000);
  const stop = (how, value) => {
    clearTimeout(late);
    socket.off('data', read);
    socket.off('close', closed);
    how(value);
  };
  const closed = () => stop(fail, new Error(`the connection was closed after ${JSON.stringify(text.slice(0, 200))}`));
  const read = (chunk) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = text.slice(0, end);
    const length = head.match(/content-length: *(\d+)/i);
    const whole = length ? text.length >= end + 4 + Number(length[1]) : headOnly || /\n\n|\r\n0\r\n\r\n/.test(text.slice(end + 4));
    if (!whole) return;
    if (/^HTTP\/1.1 2/.test(head)) stop(done, text);
    else stop(fail, new Error(text.slice(0, 300)));
  };
  socket.on('data', read);
  socket.on('close', closed);
  socket.write(bytes);
});

/** Opens `count` connections, `use` each for its first requests, 1,000 at a time, and answers the sockets. */
export async function openMany(target, count, use) {
  const sockets = [];
  let next = 0;
  await Promise.all(Array.from({ length: 1000 }, async () => {
    while (next++ < count) {
      const socket = await open(target);
      await use(socket, sockets.length);
      socket.resume();  // what comes later is thrown away
      sockets.push(socket);
    }
  }));
  return sockets;
}
