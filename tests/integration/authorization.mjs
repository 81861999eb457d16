// A small authorization server for tests: metadata (RFC 8414), registration (RFC 7591), code with PKCE and resource
// indicators (RFC 8707), client credentials, token exchange (RFC 8693), keys that rotate. Consents to everything.
import { createServer } from "node:http";
import { createHash, randomUUID } from "node:crypto";
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair, jwtVerify } from "jose";

export class AuthorizationServer {
  clients = new Map([["gateway", "gateway-secret-1"]]);
  codes = new Map();
  requests = []; // forms of the token endpoint
  fetches = 0; // of the keys
  failing = false;
  keys = [];

  static async start(t) {
    const self = new AuthorizationServer();
    await self.rotate();
    self.server = createServer((request, response) =>
      self.handle(request, response).catch((error) => {
        response.writeHead(500).end(String(error.stack));
      }),
    );
    await new Promise((resolve) => self.server.listen(0, "127.0.0.1", resolve));
    self.issuer = `http://127.0.0.1:${self.server.address().port}`;
    t.after(() => {
      self.server.close();
      self.server.closeAllConnections();
    });
    return self;
  }

  /** A new key signs from now on; `keep` says whether the old ones are still published. */
  async rotate(algorithm = "ES256", keep = true) {
    const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), alg: algorithm, use: "sig" };
    jwk.kid = await calculateJwkThumbprint(jwk);
    this.keys = [{ jwk, publicKey, privateKey, algorithm }, ...(keep ? this.keys : [])];
  }

  async token(claims, { header = {}, expires = "5m", key = this.keys[0] } = {}) {
    const jwt = new SignJWT(claims)
      .setProtectedHeader({ alg: key.algorithm, kid: key.jwk.kid, typ: "at+jwt", ...header })
      .setIssuedAt()
      .setExpirationTime(expires);
    if (!claims.iss) jwt.setIssuer(this.issuer);
    return jwt.sign(key.privateKey);
  }

  async handle(request, response) {
    const url = new URL(request.url, this.issuer);
    const json = (status, body) => response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
    let text = "";
    for await (const chunk of request) text += chunk;
    if (url.pathname === "/.well-known/oauth-authorization-server") {
      return json(200, {
        issuer: this.issuer,
        authorization_endpoint: `${this.issuer}/authorize`,
        token_endpoint: `${this.issuer}/token`,
        registration_endpoint: `${this.issuer}/register`,
        jwks_uri: `${this.issuer}/keys`,
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
      });
    }
    if (url.pathname === "/keys") {
      this.fetches++;
      return this.failing ? json(503, {}) : json(200, { keys: this.keys.map((key) => key.jwk) });
    }
    if (url.pathname === "/register") {
      const id = randomUUID();
      this.clients.set(id, "");
      return json(201, { ...JSON.parse(text), client_id: id });
    }
    if (url.pathname === "/authorize") {
      const code = randomUUID();
      this.codes.set(code, Object.fromEntries(url.searchParams));
      const back = new URL(url.searchParams.get("redirect_uri"));
      back.searchParams.set("code", code);
      if (url.searchParams.has("state")) back.searchParams.set("state", url.searchParams.get("state"));
      return response.writeHead(302, { Location: back.href }).end();
    }
    if (url.pathname === "/token") {
      return this.grant(new URLSearchParams(text), request.headers.authorization, json);
    }
    return json(404, {});
  }

  async grant(form, authorization, json) {
    const entry = { ...Object.fromEntries(form), authorization };
    this.requests.push(entry);
    const answer = async (claims, extra = {}) =>
      json(200, { access_token: await this.token(claims), token_type: "Bearer", expires_in: 300, scope: claims.scope, ...extra });
    if (entry.grant_type === "authorization_code") {
      const code = this.codes.get(entry.code);
      this.codes.delete(entry.code);
      const challenge = createHash("sha256").update(entry.code_verifier ?? "").digest("base64url");
      if (!code || code.code_challenge !== challenge || code.resource !== entry.resource) return json(400, { error: "invalid_grant" });
      return answer({ sub: "ana@acme.example", aud: entry.resource, scope: code.scope ?? "", roles: ["editor"] });
    }
    const [id, secret] = Buffer.from((authorization ?? "").replace("Basic ", ""), "base64").toString().split(":").map(decodeURIComponent);
    if (!this.clients.get(id) || this.clients.get(id) !== secret) return json(401, { error: "invalid_client" });
    if (entry.grant_type === "client_credentials") {
      return answer({ sub: id, aud: entry.resource ?? entry.audience, scope: entry.scope ?? "" });
    }
    if (entry.grant_type === "urn:ietf:params:oauth:grant-type:token-exchange") {
      const { payload } = await jwtVerify(entry.subject_token, this.keys[0].publicKey, { issuer: this.issuer });
      return answer(
        { sub: payload.sub, act: { sub: id }, aud: entry.resource ?? entry.audience, scope: entry.scope ?? "" },
        { issued_token_type: "urn:ietf:params:oauth:token-type:access_token" },
      );
    }
    return json(400, { error: "unsupported_grant_type" });
  }
}
