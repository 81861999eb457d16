// A client of the HTTP+SSE transport of 2024-11-05, which keeps 32 calls in flight over one session.
import { Agent, request } from 'node:http';

export class SseClient {
  #waiting = new Map();
  #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  #next = 1;

  /** Opens the event stream at `url` and initializes the session. */
  static async open(url) {
    const client = new SseClient();
    const deadline = Date.now() + 20000;
    for (;;) {
      try {
        await client.#connect(url);
        break;
      } catch (problem) {
        if (Date.now() > deadline) throw problem;
        await new Promise((done) => setTimeout(done, 200));
      }
    }
    await client.#ask('initialize', { protocolVersion: '2024-11-05', capabilities: {}, clientInfo: { name: 'bench', version: '1' } });
    await client.#send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return client;
  }

  #connect(url) {
    return new Promise((done, fail) => {
      this.stream = request(url, { headers: { accept: 'text/event-stream' } }, (answer) => {
        if (answer.statusCode !== 200) return fail(new Error(`the event stream answers ${answer.statusCode}`));
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk) => {
          text += chunk;
          const events = text.split(/\r?\n\r?\n/);
          text = events.pop();
          for (const event of events) {
            const kind = event.match(/^event: ?(.*)$/m)?.[1];
            const data = event.match(/^data: ?(.*)$/m)?.[1];
            if (kind === 'endpoint') {
              this.endpoint = new URL(data, url);
              done();
            } else if (data) {
              const message = JSON.parse(data);
              this.#waiting.get(message.id)?.(message);
              this.#waiting.delete(message.id);
            }
          }
        });
      }).on('error', fail);
      this.stream.end();
    });
  }

  #send(message) {
    return new Promise((done, fail) => {
      const post = request(this.endpoint, { method: 'POST', agent: this.#agent, headers: { 'content-type': 'application/json' } }, (answer) => {
        answer.resume();
        answer.on('end', () => answer.statusCode < 300 ? done() : fail(new Error(`a message answers ${answer.statusCode}`)));
      });
      post.on('error', fail);
      post.end(JSON.stringify(message));
    });
  }

  #ask(method, params) {
    const id = this.#next++;
    return new Promise((done, fail) => {
      const late = setTimeout(() => fail(new Error(`${method} gets no answer in 20 s`)), 20000);
      this.#waiting.set(id, (message) => {
        clearTimeout(late);
        if (message.error || message.result?.isError) fail(new Error(`${method} answers ${JSON.stringify(message).slice(0, 200)}`));
        else done(message.result);
      });
      this.#send({ jsonrpc: '2.0', id, method, params }).catch(fail);
    });
  }

  /** Waits until `tool` is listed: an aggregator may serve clients before it has reached its servers. */
  async listed(tool) {
    const deadline = Date.now() + 30000;
    for (;;) {
      const { tools } = await this.#ask('tools/list', {});
      if (tools.some((one) => one.name === tool)) return;
      if (Date.now() > deadline) throw new Error(`${tool} is not listed after 30 s`);
      await new Promise((done) => setTimeout(done, 200));
    }
  }

  /** Calls `tool` for `seconds`; answers the milliseconds that each call took. */
  async callFor(tool, seconds) {
    const times = [];
    const until = performance.now() + seconds * 1000;
    const message = 'x'.repeat(1024);
    await Promise.all(Array.from({ length: 32 }, async () => {
      while (performance.now() < until) {
        const began = performance.now();
        await this.#ask('tools/call', { name: tool, arguments: { message } });
        times.push(performance.now() - began);
      }
    }));
    return times;
  }

  close() {
    this.stream.destroy();
    this.#agent.destroy();
  }
}
