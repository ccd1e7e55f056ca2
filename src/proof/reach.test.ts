import assert from "node:assert/strict";
import { test } from "node:test";
import { HOST_PATTERN, reachOf } from "./reach.ts";

const named = ["quotes.example.org", "*.apps.example.org", "10.0.0.7:8443", "169.254.169.254", "[fd00::7]"];

const refusal = (address: string, hosts: readonly string[] = named): string => {
  try {
    return `allowed: ${reachOf(address, hosts).url}`;
  } catch (error) {
    return String(error);
  }
};

test("this machine may always be asked, under each of its names, and any host that the owner named", () => {
  for (const [address, port, onThisMachine] of [
    ["http://127.0.0.1:8101", 8101, true],
    ["http://localhost:9/", 9, true],
    ["http://[::1]:8101/quotes", 8101, true],
    ["http://2130706433:8101", 8101, true],
    ["https://quotes.example.org", 443, false],
    ["http://QUOTES.example.org/base/", 80, false],
    ["https://a.apps.example.org", 443, false],
    ["https://10.0.0.7:8443", 8443, false],
    ["https://[fd00::7]", 443, false],
  ] as const) {
    const reach = reachOf(address, named);
    assert.deepEqual([reach.port, reach.onThisMachine], [port, onThisMachine], address);
    assert.doesNotMatch(reach.url, /\/$/);
  }
  assert.ok(named.every((host) => HOST_PATTERN.test(host)));
  assert.ok(["", "*", "http://x", "a b", "*.", "x/y"].every((host) => !HOST_PATTERN.test(host)));
});

test("nothing else is asked: foreign hosts, metadata, odd ports, and addresses that hold more than a place", () => {
  for (const [address, says] of [
    ["http://evil.example.com", /none of these.*deploy_hosts/],
    ["http://apps.example.org", /none of these/],
    ["http://quotes.example.org.evil.com", /none of these/],
    ["https://quotes.example.org:22", /none of these/],
    ["http://10.0.0.7", /none of these/],
    ["http://169.254.169.254/latest/meta-data", /never asked/],
    ["http://0.0.0.0:8101", /none of these/],
    ["http://[::ffff:169.254.169.254]", /none of these|never asked/],
    ["file:///etc/passwd", /no http or https/],
    ["ftp://localhost", /no http or https/],
    ["quotes.example.org", /no http or https/],
    ["http://user:word@localhost:1", /user name or a password/],
    ["http://localhost:1/?url=x", /query/],
  ] as const)
    assert.match(refusal(address), says, address);
  assert.match(refusal("http://[::ffff:169.254.169.254]", ["[::ffff:a9fe:a9fe]"]), /never asked/);
});

test("a name leads only where its rule lets it, whatever it resolves to by then", async () => {
  const ask = (address: string, resolved: string) =>
    new Promise<string>((resolve) =>
      // An address resolves to itself, so that this needs no name server.
      reachOf(address, named).lookup(resolved, { all: true }, (error, found) =>
        resolve(error ? error.message : JSON.stringify(found)),
      ),
    );
  assert.match(await ask("https://quotes.example.org", "10.1.2.3"), /"10\.1\.2\.3"/);
  assert.match(
    await ask("https://quotes.example.org", "127.0.0.1"),
    /resolves to 127\.0\.0\.1, where Steward does not ask/,
  );
  assert.match(await ask("https://quotes.example.org", "169.254.169.254"), /does not ask/);
  assert.match(await ask("https://a.apps.example.org", "203.0.113.9"), /"203\.0\.113\.9"/);
  for (const own of ["10.1.2.3", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe"])
    assert.match(await ask("https://a.apps.example.org", own), /does not ask/, own);
  assert.match(await ask("http://localhost:1", "127.0.0.1"), /"127\.0\.0\.1"/);
  assert.match(await ask("http://localhost:1", "203.0.113.9"), /does not ask/);
});
