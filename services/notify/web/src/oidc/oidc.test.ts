import { describe, expect, test } from "vitest";
import { faultOf } from "./check";
import { challengeOf, unguessable } from "./pkce";
import { renewInMs } from "./timing";

const NOW_S = 1_780_000_000;
const expected = { issuer: "https://login.example.org", client_id: "page", nonce: "n-1", sub: null };
const claims = { iss: "https://login.example.org", aud: ["page"], exp: NOW_S + 60, nonce: "n-1", sub: "lena" };

describe("an identity token", () => {
  test("that fits is taken", () => {
    expect(faultOf(claims, expected, NOW_S)).toBeNull();
    expect(faultOf({ ...claims, aud: "page" }, expected, NOW_S)).toBeNull();
  });

  test.each([
    ["token", null],
    ["iss", { ...claims, iss: "https://login.example.org.evil" }],
    ["aud", { ...claims, aud: ["another"] }],
    ["azp", { ...claims, aud: ["page", "another"], azp: "another" }],
    ["exp", { ...claims, exp: NOW_S - 301 }],
    ["exp", { ...claims, exp: "later" }],
    ["nonce", { ...claims, nonce: "n-2" }],
    ["nonce", { ...claims, nonce: undefined }],
    ["sub", { ...claims, sub: "" }],
  ])("is refused by its %s", (fault, given) => {
    expect(faultOf(given, expected, NOW_S)).toBe(fault);
  });

  test("of a renewal may leave the nonce out, and is of the same person", () => {
    const renewal = { ...expected, nonce: null, sub: "lena" };
    expect(faultOf({ ...claims, nonce: undefined }, renewal, NOW_S)).toBeNull();
    expect(faultOf({ ...claims, sub: "otto" }, renewal, NOW_S)).toBe("sub");
  });
});

test("the challenge is that of RFC 7636, appendix B", async () => {
  expect(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

test("what nobody may guess is long enough and fits into an address", () => {
  expect(unguessable()).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(unguessable()).not.toBe(unguessable());
});

test("a token is renewed a minute before its end, a short one at half, and never in a rush", () => {
  expect([3600, 90, 4, -10].map((left_s) => renewInMs(1000 + left_s, 1_000_000))).toEqual([3_540_000, 45_000, 5000, 5000]);
});
