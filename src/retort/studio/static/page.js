// src/api.ts
var e = class extends Error {}, t = 8, n = 250, r = class {
	token;
	constructor() {
		this.token = s();
	}
	get mayRun() {
		return this.token !== "";
	}
	offer() {
		return this.ask("GET", "/api/models");
	}
	start(e, t, n = {}) {
		let r = new AbortController(), i = null, a = !1;
		return {
			result: (async () => {
				let o = await this.ask("POST", `/api/${e}`, t);
				return i = o.id, a && this.stop(i), o.state !== "done" && await this.follow(i, n, r.signal), this.patiently(() => this.ask("GET", `/api/runs/${i}/result`), n);
			})(),
			stop: () => {
				a = !0, i !== null && this.stop(i);
			}
		};
	}
	async patiently(e, n) {
		for (let r = 0;; r++) try {
			return await e();
		} catch (e) {
			if (e instanceof i || r >= t) throw e;
			n.onLost?.(), await a(r);
		}
	}
	stop(e) {
		this.ask("DELETE", `/api/runs/${e}`).catch(() => void 0);
	}
	async follow(n, r, s) {
		let c = "0";
		for (let l = 0;; l++) try {
			let t = await fetch(`/api/runs/${n}/events`, {
				headers: { "Last-Event-ID": c },
				signal: s
			});
			if (t.status === 404) throw new i("the studio no longer knows this run; start it again");
			if (!t.ok || t.body === null) throw Error(`the studio answered ${t.status}`);
			for await (let n of o(t.body)) {
				if (c = n.id, l = 0, n.name === "done") return;
				if (n.name === "failed") throw new i(n.data.message);
				if (n.name === "stopped") throw new e("stopped");
				n.name === "progress" ? r.onProgress?.(n.data) : r.onTold?.(n.name, n.data);
			}
			throw Error("the stream ended early");
		} catch (n) {
			if (n instanceof i || n instanceof e) throw n;
			if (l >= t) throw Error("The connection to the studio is lost. Is it still running? Nothing that was shown is gone.");
			r.onLost?.(), await a(l);
		}
	}
	async ask(e, t, n) {
		let r = { "X-Retort-Token": this.token };
		n !== void 0 && (r["Content-Type"] = "application/json");
		let a;
		try {
			a = await fetch(t, {
				method: e,
				headers: r,
				body: n === void 0 ? null : JSON.stringify(n)
			});
		} catch {
			throw Error("The studio does not answer. Is it still running? Nothing that was shown is gone.");
		}
		let o = await a.json().catch(() => null);
		if (a.ok) return o;
		throw new i(o?.error?.message ?? `the studio answered ${a.status}`);
	}
}, i = class extends Error {};
function a(e) {
	return new Promise((t) => setTimeout(t, n * 1.6 ** e));
}
async function* o(e) {
	let t = e.pipeThrough(new TextDecoderStream()).getReader(), n = "";
	try {
		for (;;) {
			let { value: e, done: r } = await t.read();
			if (r) return;
			n += e;
			let i = n.split("\n\n");
			n = i.pop();
			for (let e of i) {
				let t = new Map(e.split("\n").map((e) => [e.slice(0, e.indexOf(":")), e.slice(e.indexOf(":") + 2)])), n = t.get("event");
				n && (yield {
					id: t.get("id") ?? "0",
					name: n,
					data: JSON.parse(t.get("data") ?? "null")
				});
			}
		}
	} finally {
		t.cancel().catch(() => void 0);
	}
}
function s() {
	let e = new URL(location.href), t = e.searchParams.get("token");
	try {
		return t !== null && (sessionStorage.setItem("retort-token", t), e.searchParams.delete("token"), history.replaceState(null, "", e)), sessionStorage.getItem("retort-token") ?? "";
	} catch {
		return t ?? "";
	}
}
// src/parts/download.ts
async function c(e, t) {
	let n = `${e.name}.${t}`;
	if (t === "json") return h(n, new Blob([JSON.stringify(e.json(), null, 2)], { type: "application/json" }));
	if (t === "csv") return h(n, new Blob([l(e.csv())], { type: "text/csv;charset=utf-8" }));
	let r = e.svg();
	if (r === null) return;
	let i = p(r);
	if (t === "svg") return h(n, new Blob([i], { type: "image/svg+xml" }));
	h(n, await m(i, r));
}
function l(e) {
	return e.map((e) => e.map(u).join(",")).join("\r\n") + "\r\n";
}
function u(e) {
	if (e === null) return "";
	if (typeof e == "number") return Number.isFinite(e) ? String(e) : "";
	let t = /^[=+\-@\t\r]/.test(e) ? `'${e}` : e;
	return /[",\r\n]|^\s|\s$/.test(t) ? `"${t.replaceAll("\"", "\"\"")}"` : t;
}
var d = [
	"fill",
	"fill-opacity",
	"stroke",
	"stroke-width",
	"stroke-dasharray",
	"stroke-linecap",
	"stroke-opacity",
	"opacity"
], f = [
	"font-family",
	"font-size",
	"font-weight",
	"text-anchor",
	"dominant-baseline"
];
function p(e) {
	let t = e.cloneNode(!0), n = [e, ...e.querySelectorAll("*")], r = [t, ...t.querySelectorAll("*")];
	n.forEach((e, t) => {
		let n = getComputedStyle(e);
		for (let i of e.tagName === "text" || e.tagName === "tspan" ? [...d, ...f] : d) r[t].setAttribute(i, n.getPropertyValue(i));
		r[t].removeAttribute("class");
	});
	let i = e.viewBox.baseVal;
	t.setAttribute("xmlns", "http://www.w3.org/2000/svg"), t.setAttribute("width", String(i.width)), t.setAttribute("height", String(i.height));
	let a = document.createElementNS("http://www.w3.org/2000/svg", "rect");
	return a.setAttribute("width", "100%"), a.setAttribute("height", "100%"), a.setAttribute("fill", getComputedStyle(e).getPropertyValue("--card") || "#fff"), t.prepend(a), new XMLSerializer().serializeToString(t);
}
async function m(e, t) {
	let n = t.viewBox.baseVal, r = new Image();
	r.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(e)}`, await r.decode();
	let i = document.createElement("canvas");
	return i.width = 2 * n.width, i.height = 2 * n.height, i.getContext("2d").drawImage(r, 0, 0, i.width, i.height), new Promise((e, t) => i.toBlob((n) => n ? e(n) : t(/* @__PURE__ */ Error("the picture could not be made")), "image/png"));
}
function h(e, t) {
	let n = document.createElement("a");
	n.href = URL.createObjectURL(t), n.download = e, n.click(), setTimeout(() => URL.revokeObjectURL(n.href), 1e4);
}
// src/parts/dom.ts
var g = "http://www.w3.org/2000/svg";
function _(e, t = {}, ...n) {
	return y(document.createElement(e), t, n);
}
function v(e, t = {}, ...n) {
	return y(document.createElementNS(g, e), t, n);
}
function y(e, t, n) {
	for (let [n, r] of Object.entries(t)) r != null && r !== !1 && (typeof r == "function" ? e.addEventListener(n.slice(2).toLowerCase(), r) : e.setAttribute(n, r === !0 ? "" : String(r)));
	return b(e, n), e;
}
function b(e, t) {
	for (let n of t) n != null && n !== !1 && e.append(n);
}
function x(e, ...t) {
	return e.replaceChildren(), b(e, t), e;
}
function S(e, t) {
	e.textContent !== t && (e.textContent = t);
}
var ee = 0;
function C(e) {
	return ee += 1, `retort-${e}-${ee}`;
}
// src/parts/state.ts
var w = .3, T = class {
	values;
	listeners = /* @__PURE__ */ new Set();
	timer;
	inAddress;
	constructor(e) {
		this.inAddress = e, this.values = e ? te() : /* @__PURE__ */ new Map(), e && window.addEventListener("hashchange", () => this.adopt(te()));
	}
	get(e) {
		return this.values.get(e);
	}
	set(e, t) {
		if (this.values.get(e) !== (t || void 0)) {
			t ? this.values.set(e, t) : this.values.delete(e), this.write();
			for (let t of this.listeners) t(e);
		}
	}
	listen(e) {
		return this.listeners.add(e), () => this.listeners.delete(e);
	}
	link() {
		return `${location.href.split("#")[0]}#${this.text()}`;
	}
	text() {
		return new URLSearchParams([...this.values]).toString();
	}
	write() {
		this.inAddress && this.timer === void 0 && (this.timer = setTimeout(() => {
			this.timer = void 0, history.replaceState(null, "", `#${this.text()}`);
		}, 1e3 * w));
	}
	adopt(e) {
		let t = [.../* @__PURE__ */ new Set([...this.values.keys(), ...e.keys()])].filter((t) => this.values.get(t) !== e.get(t));
		this.values.clear();
		for (let [t, n] of e) this.values.set(t, n);
		for (let e of t) for (let t of this.listeners) t(e);
	}
};
function te() {
	return new Map(new URLSearchParams(location.hash.slice(1)));
}
// src/parts/theme.ts
var ne = {
	auto: "light",
	light: "dark",
	dark: "auto"
}, re = "retort-theme";
function ie(e) {
	let t = ae(), n = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => r(ne[t])
	}), r = (r) => {
		t = r, e.dataset.theme = t, n.textContent = {
			auto: "◐ auto",
			light: "○ light",
			dark: "● dark"
		}[t], n.setAttribute("aria-label", `Colours: ${t}. Change to ${ne[t]}.`);
		try {
			localStorage.setItem(re, t);
		} catch {}
	};
	return r(t), n;
}
function ae() {
	try {
		let e = localStorage.getItem(re);
		return e === "light" || e === "dark" ? e : "auto";
	} catch {
		return "auto";
	}
}
// src/records.ts
function E(e) {
	return typeof e == "number" ? e : e.low ?? -Infinity;
}
function D(e) {
	return typeof e == "number" ? e : e.high ?? Infinity;
}
function oe(e) {
	return {
		ids: e.history ?? [],
		ranks: e.history_ranks ?? [],
		promptLength: e.prompt_length ?? 0
	};
}
function se(e) {
	return e.known === "top_n";
}
// src/math/window.ts
var ce = 2 ** -40, le = -745.2, ue = 3, de = /* @__PURE__ */ new WeakMap();
function fe(e, t) {
	let n = de.get(e);
	n === void 0 && de.set(e, n = []);
	let r = n.find((e) => e.temperature === t);
	if (r !== void 0) return r;
	let i = e.length, a = (n.length < ue ? void 0 : n.splice(n.findIndex((e) => e.temperature !== 1), 1)[0]) ?? {
		temperature: t,
		weights: new Float64Array(i + 1),
		moments: new Float64Array(i + 1)
	};
	a.temperature = t;
	let { weights: o, moments: s } = a, c = e[0], l = 0, u = 0, d = 0;
	for (; d < i; d++) {
		let n = (e[d] - c) / t;
		if (n < le) break;
		let r = Math.exp(n);
		l += r, u += r * n, o[d + 1] = l, s[d + 1] = u;
	}
	return o.fill(l, d + 1), s.fill(u, d + 1), n.push(a), a;
}
function pe(e) {
	return {
		logits: e,
		temperature: 1,
		from: 0,
		to: e.length
	};
}
function me(e, t) {
	let n = e.logits[e.from];
	return t === 0 ? {
		...e,
		to: e.from + 1,
		zero: n
	} : t === 1 ? e : {
		...e,
		temperature: e.temperature * t,
		zero: n
	};
}
function O(e, t) {
	return (e.logits[t] - e.logits[e.from]) / e.temperature;
}
function he(e, t) {
	return (e.logits[t] - (e.zero ?? 0)) / e.temperature;
}
var ge = /* @__PURE__ */ new WeakMap();
function k(e) {
	let { logits: t, temperature: n, from: r, to: i } = e, a = ge.get(e);
	if (a !== void 0) return a;
	let o, s;
	if (r === 0) {
		let { weights: e, moments: r } = fe(t, n);
		o = e[i], s = r[i];
	} else {
		o = s = 0;
		for (let e = r; e < i; e++) {
			let i = (t[e] - t[r]) / n;
			if (i < le) break;
			let a = Math.exp(i);
			o += a, s += a * i;
		}
	}
	let c = {
		total: o,
		entropy: Math.max(0, Math.log(o) - s / o)
	};
	return r > 0 && ge.set(e, c), c;
}
function _e(e, t, n) {
	let r = Math.max(t, e.from), i = Math.min(n, e.to);
	if (r >= i) return 0;
	if (r === e.from && i === e.to) return 1;
	let { total: a } = k(e);
	if (e.from === 0) {
		let { weights: t } = fe(e.logits, e.temperature), n = (t[i] - t[r]) / a;
		if (n > .001 || r === 0) return n;
	}
	let o = 0;
	for (let t = r; t < i; t++) {
		let n = O(e, t);
		if (n < le) break;
		let r = Math.exp(n);
		if (o += r, r * (i - t) < o * 1e-12) break;
	}
	return o / a;
}
function ve(e) {
	return e.to - e.from < 2 ? Infinity : e.logits[e.from] - e.logits[e.from + 1];
}
function ye(e, t) {
	let n = e.to - e.from;
	if (t >= 1) return n;
	let r = t * k(e).total * (1 - ce);
	if (e.from === 0) {
		let { weights: t } = fe(e.logits, e.temperature);
		return Math.min(n, Ee(1, n, (e) => t[e] >= r));
	}
	let i = 0;
	for (let t = e.from; t < e.to; t++) if (i += Math.exp(O(e, t)), i >= r) return t - e.from + 1;
	return n;
}
function be(e, t) {
	let n = (n) => k({
		...e,
		to: e.from + n
	}).entropy <= t;
	return Ee(1, e.to - e.from + 1, (e) => !n(e)) - 1;
}
function xe(e, t, n) {
	let { logits: r, temperature: i, from: a } = e, { weights: o } = fe(r, i), s = o[n] - o[t];
	if (s > .001 * o[n]) return a === 0 ? s : s * Math.exp((r[0] - r[a]) / i);
	let c = 0;
	for (let r = t; r < n; r++) {
		let t = O(e, r);
		if (t < le) break;
		c += Math.exp(t);
	}
	return c;
}
var Se = /* @__PURE__ */ new WeakMap();
function Ce(e) {
	let t = Se.get(e);
	if (t !== void 0) return t;
	let [n, r] = [new Float64Array(e.length + 1), new Float64Array(e.length + 1)];
	for (let t = 0; t < e.length; t++) {
		let i = e[t] - e[0];
		n[t + 1] = n[t] + i, r[t + 1] = r[t] + i * i;
	}
	let i = {
		first: n,
		second: r
	};
	return Se.set(e, i), i;
}
var we = 1e4;
function Te(e) {
	let { logits: t, temperature: n, from: r, to: i } = e, { first: a, second: o } = Ce(t), s = (a[i] - a[r]) / (i - r), c = (o[i] - o[r]) / (i - r) - s * s;
	if (c > s * s / we) return Math.sqrt(c) / n;
	let l = 0;
	for (let e = r; e < i; e++) l += (t[e] - t[0] - s) ** 2;
	return Math.sqrt(l / (i - r)) / n;
}
function Ee(e, t, n) {
	for (; e < t;) {
		let r = e + t >> 1;
		n(r) ? t = r : e = r + 1;
	}
	return e;
}
function De(e, t) {
	return Ee(e.from, e.to, (n) => O(e, n) < t);
}
// src/math/order.ts
var Oe = 4294967295;
function ke(e, t) {
	let n = new Uint32Array(t).fill(Oe);
	for (let t = 0; t < e.length; t++) n[e[t]] = t;
	return {
		ranks: e,
		places: n
	};
}
function A(e, t) {
	return e.order === void 0 ? t : e.order.ranks[t];
}
function Ae(e, t) {
	return e.order === void 0 ? t : e.order.places[t] ?? 4294967295;
}
function je(e, t) {
	let n = Ae(e, t);
	return n >= e.from && n < e.to;
}
function Me(e, t) {
	return je(e, t) ? O(e, Ae(e, t)) - Math.log(k(e).total) : -Infinity;
}
function j(e, t) {
	return Math.exp(Me(e, t));
}
function Ne(e, t) {
	if (e.order === void 0) return _e(e, t, e.to);
	let n = 0;
	for (let r = 0; r < t; r++) n += j(e, r);
	return 1 - n > .001 ? 1 - n : Ie(e, (e) => e >= t);
}
function Pe(e, t) {
	if (e.order === void 0) return Math.max(0, e.to - Math.max(t, e.from));
	let n = 0;
	for (let r = e.from; r < e.to; r++) e.order.ranks[r] >= t && (n += 1);
	return n;
}
function Fe(e, t) {
	return e.logits === t.logits ? _e(e, t.from, t.to) : t.to - t.from === e.to - e.from ? 1 : Ie(e, (e) => je(t, e));
}
function Ie(e, t) {
	let n = 0;
	for (let r = e.from; r < e.to; r++) t(A(e, r)) && (n += Math.exp(O(e, r)));
	return n / k(e).total;
}
// src/math/history.ts
var Le = 34028234663852886e22;
function Re({ ids: e, promptLength: t }, n) {
	return n === "output" ? t : n.startsWith("last:") ? Math.max(0, e.length - Number(n.slice(5))) : 0;
}
function ze(e, t) {
	let n = /* @__PURE__ */ new Map();
	for (let r of e.ranks.slice(Re(e, t))) r >= 0 && n.set(r, (n.get(r) ?? 0) + 1);
	return n;
}
function Be(e, t, n, r) {
	let i = ze(r, n);
	return Je(e, `repetition ${t} ${n}`, i.keys(), (e) => e < 0 ? e * t : e / t);
}
function Ve(e, t, n, r) {
	let i = ze(r, n);
	return Je(e, `frequency ${t} ${n}`, i.keys(), (e, n) => e - t * i.get(n));
}
function He(e, t, n, r) {
	return Je(e, `presence ${t} ${n}`, ze(r, n).keys(), (e) => e - t);
}
function Ue(e, t, n, r, i, a) {
	let o = i < 0 ? 0 : Math.max(0, a.ids.length - i), s = We(a.ids.slice(o), a.ranks.slice(o)), c = /* @__PURE__ */ new Map();
	for (let [e, i] of s) {
		if (i < r) continue;
		let a = (i - r) * Math.log(n) + Math.log(t);
		c.set(e, a >= Math.log(Le) ? Le : t * n ** (i - r));
	}
	return Je(e, `dry ${t} ${n} ${r} ${i}`, c.keys(), (e, t) => e - c.get(t));
}
function We(e, t) {
	let n = [...e].reverse(), r = /* @__PURE__ */ new Map();
	return Ge(n).forEach((e, n) => {
		if (n === 0 || e === 0) return;
		let i = t[t.length - n];
		i >= 0 && r.set(i, Math.max(r.get(i) ?? 0, e));
	}), r;
}
function Ge(e) {
	let t = e.map(() => 0), [n, r] = [0, 0];
	for (let i = 1; i < e.length; i++) {
		let a = i < r ? Math.min(r - i, t[i - n]) : 0;
		for (; i + a < e.length && e[a] === e[i + a];) a += 1;
		t[i] = a, i + a > r && ([n, r] = [i, i + a]);
	}
	return t;
}
var Ke = 6, qe = /* @__PURE__ */ new WeakMap();
function Je(e, t, n, r) {
	let i = [...n].filter((t) => {
		let n = Ae(e, t);
		return n !== 4294967295 && n >= e.from && n < e.to;
	});
	if (i.length === 0) return e;
	let a = `${t} ${e.from} ${e.to} ${e.temperature} ${e.zero ?? 0} ${e.order === void 0} ${i.join()}`, o = qe.get(e.logits);
	o === void 0 && qe.set(e.logits, o = []);
	let s = o.find((e) => e.key === a);
	if (s !== void 0 && e.order === void 0) return s.window;
	let { logits: c, from: l, to: u, temperature: d, zero: f = 0 } = e, p = i.map((t) => ({
		rank: t,
		logit: r(he(e, Ae(e, t)), t) * d + f
	})).sort((e, t) => t.logit - e.logit || e.rank - t.rank).map((t) => ({
		...t,
		place: Ye(e, t.logit, t.rank)
	})), m = i.map((t) => Ae(e, t)).sort((e, t) => e - t), h = new Float64Array(u - l), g = new Uint32Array(u - l), [_, v, y, b] = [
		0,
		0,
		l,
		0
	];
	for (; y < u || _ < p.length;) {
		let t = p[_]?.place ?? u, n = m[v] ?? u, r = Math.min(t, n);
		if (h.set(c.subarray(y, r), b), e.order !== void 0) g.set(e.order.ranks.subarray(y, r), b);
		else for (let e = y; e < r; e++) g[b + e - y] = e;
		b += r - y, y = r, _ < p.length && t <= n ? (h[b] = p[_].logit, g[b++] = p[_++].rank) : v < m.length && (v += 1, y += 1);
	}
	let x = e.order?.places.length ?? c.length, S = {
		logits: h,
		temperature: d,
		from: 0,
		to: u - l,
		zero: f,
		order: ke(g, x)
	};
	return o.push({
		key: a,
		window: S
	}), o.length > Ke && o.shift(), S;
}
function Ye(e, t, n) {
	let [r, i] = [e.from, e.to];
	for (; r < i;) {
		let a = r + i >> 1, o = e.logits[a];
		o > t || o === t && A(e, a) < n ? r = a + 1 : i = a;
	}
	return r;
}
// src/math/typical.ts
function Xe(e, t, n = "lowest") {
	let r = Math.min(e.to, e.from + t);
	if (n === "lowest" || r === e.to || e.logits[r] !== e.logits[r - 1]) return {
		...e,
		to: r
	};
	let [i, a] = Qe(e, r - 1);
	return n === "all" ? {
		...e,
		to: a
	} : {
		...$e(e, i, a, a - r),
		to: r
	};
}
function Ze(e, t, n, r) {
	let { logits: i, from: a, to: o } = e, { total: s, entropy: c } = k(e), l = Math.log(s) - c, u = (t) => Math.abs(O(e, t) - l), d = Math.max(t * s * (1 - ce), Number.MIN_VALUE), f = Math.min(r, o - a), p = De(e, l), m = (e) => {
		let [t, n] = [Math.max(0, e - (o - p)), Math.min(e, p - a)];
		for (; t < n;) {
			let r = t + n >> 1;
			u(p - r - 1) <= u(p + e - r - 1) ? t = r + 1 : n = r;
		}
		return t;
	}, h = (t) => {
		let n = m(t);
		return xe(e, p - n, p - n + t) >= d;
	}, [g, _] = [Math.max(f, 1), o - a];
	for (; g < _;) {
		let e = g + _ >> 1;
		h(e) ? _ = e : g = e + 1;
	}
	let v = p - m(g), y = v + g;
	if (n === "all") {
		let t = Math.max(v < y ? u(v) : 0, v < y ? u(y - 1) : 0);
		for (; v > a && u(v - 1) <= t;) --v;
		for (; y < o && u(y) <= t;) y += 1;
		return {
			...e,
			from: v,
			to: y
		};
	}
	if (v > a && v < y && i[v] === i[v - 1]) {
		let [t, n] = Qe(e, v), r = Math.min(n, y);
		return {
			...$e(e, t, r, r - v),
			from: v,
			to: y
		};
	}
	return {
		...e,
		from: v,
		to: y
	};
}
function Qe({ logits: e, from: t, to: n }, r) {
	let [i, a] = [r, r + 1];
	for (; i > t && e[i - 1] === e[r];) --i;
	for (; a < n && e[a] === e[r];) a += 1;
	return [i, a];
}
function $e(e, t, n, r) {
	let i = e.order?.ranks.slice() ?? new Uint32Array(e.logits.length);
	if (e.order === void 0) for (let e = 0; e < i.length; e++) i[e] = e;
	let a = i.slice(t, n);
	return i.set([...a.slice(r), ...a.slice(0, r)], t), {
		...e,
		order: ke(i, e.order?.places.length ?? i.length)
	};
}
// src/math/transforms.ts
var et = 1e-12, tt = {
	name: "min_keep",
	initial: 1,
	low: 1,
	whole: !0
}, nt = {
	name: "ties",
	initial: "lowest",
	words: ["lowest", "all"]
}, rt = {
	name: "ties",
	initial: "lowest",
	words: [
		"lowest",
		"highest",
		"all"
	]
}, it = (e) => ({
	name: "scope",
	initial: e,
	scope: !0
}), at = (e) => e.ties, ot = (e) => e.min_keep;
function st(e, t, n) {
	let r = De(e, t + Math.log(k(e).total) - et), i = Xe(e, ot(n), at(n));
	return r > i.to ? {
		...e,
		to: r
	} : i;
}
var ct = [
	{
		name: "temperature",
		help: "divides the logits; 0 is greedy, 1 leaves the model as it is",
		low: 0,
		high: Infinity,
		slider: {
			low: 0,
			high: 3,
			step: .01
		},
		initial: 1,
		whole: !1,
		off: [],
		truncates: !1,
		aliases: ["temp"],
		tempers: !0,
		apply: me
	},
	{
		name: "top_k",
		help: "keeps this many of the most likely tokens",
		low: 1,
		high: Infinity,
		slider: {
			low: 1,
			high: 200,
			step: 1
		},
		initial: 50,
		whole: !0,
		off: [0, -1],
		truncates: !0,
		aliases: [],
		options: [nt],
		apply: (e, t, n) => Xe(e, t, at(n))
	},
	{
		name: "top_p",
		help: "keeps the smallest set of tokens that holds this share of the probability",
		low: 0,
		high: 1,
		slider: {
			low: 0,
			high: 1,
			step: .01
		},
		initial: .9,
		whole: !1,
		off: [1],
		truncates: !0,
		aliases: ["nucleus"],
		options: [rt, tt],
		apply: (e, t, n) => Xe(e, Math.max(ye(e, t), ot(n)), at(n))
	},
	{
		name: "min_p",
		help: "keeps tokens with at least this share of the most likely token's probability",
		low: 0,
		high: 1,
		slider: {
			low: 0,
			high: 1,
			step: .01
		},
		initial: .05,
		whole: !1,
		off: [0],
		truncates: !0,
		aliases: [],
		options: [tt],
		apply: (e, t, n) => {
			let r = De(e, Math.log(t) - et);
			return {
				...e,
				to: Math.min(e.to, Math.max(r, e.from + ot(n)))
			};
		}
	},
	{
		name: "typical_p",
		help: "keeps the tokens whose surprise is nearest to the entropy, up to this share of the probability",
		low: 0,
		high: 1,
		slider: {
			low: 0,
			high: 1,
			step: .01
		},
		initial: .9,
		whole: !1,
		off: [1],
		truncates: !0,
		aliases: [
			"typical",
			"typ_p",
			"typ"
		],
		options: [nt, tt],
		apply: (e, t, n) => Ze(e, t, at(n), ot(n))
	},
	{
		name: "epsilon_cutoff",
		help: "keeps tokens with at least this probability",
		low: 0,
		high: 1,
		slider: {
			low: 0,
			high: .1,
			step: 5e-4
		},
		initial: .001,
		whole: !1,
		off: [0],
		truncates: !0,
		aliases: [],
		options: [nt, tt],
		apply: (e, t, n) => st(e, Math.log(t), n)
	},
	{
		name: "eta_cutoff",
		help: "keeps tokens above a floor of this probability, which falls as the entropy rises",
		low: 0,
		high: 1,
		slider: {
			low: 0,
			high: .1,
			step: 5e-4
		},
		initial: .001,
		whole: !1,
		off: [0],
		truncates: !0,
		aliases: [],
		options: [nt, tt],
		apply: (e, t, n) => st(e, Math.min(Math.log(t), .5 * Math.log(t) - k(e).entropy), n)
	},
	{
		name: "top_n_sigma",
		help: "keeps logits within this many standard deviations of the largest",
		low: Number.MIN_VALUE,
		high: Infinity,
		slider: {
			low: 0,
			high: 6,
			step: .05
		},
		initial: 1,
		whole: !1,
		off: [0, -1],
		truncates: !0,
		aliases: ["top_nsigma", "nsigma"],
		apply: (e, t) => ({
			...e,
			to: De(e, -t * Te(e) * (1 + ce))
		})
	},
	{
		name: "top_h",
		help: "keeps as many of the most likely tokens as this share of the entropy allows",
		low: 0,
		high: 1,
		slider: {
			low: 0,
			high: 1,
			step: .01
		},
		initial: .5,
		whole: !1,
		off: [1],
		truncates: !0,
		aliases: [],
		options: [{
			name: "entropy",
			initial: "kept",
			words: ["kept", "summed"]
		}, {
			name: "among",
			initial: 0,
			low: 0,
			whole: !0
		}],
		apply: (e, t, n) => {
			let r = n.among ? Xe(e, n.among) : e;
			return n.entropy === "summed" ? Xe(e, ut(r, t)) : Xe(e, Math.max(1, be(r, t * k(r).entropy * (1 + ce))));
		}
	},
	{
		name: "dynatemp",
		main: "range",
		help: "a temperature this far below to this far above the given one, higher where the entropy is higher",
		low: Number.MIN_VALUE,
		high: Infinity,
		slider: {
			low: 0,
			high: 2,
			step: .01
		},
		initial: .5,
		whole: !1,
		off: [0],
		truncates: !1,
		tempers: !0,
		aliases: [],
		options: [{
			name: "exponent",
			initial: 1,
			low: 0
		}, {
			name: "temperature",
			initial: 1,
			low: 0
		}],
		apply: (e, t, n) => me(e, lt(e, t, n))
	},
	{
		name: "repetition_penalty",
		help: "divides the positive logits of seen tokens by this, multiplies the negative ones; above 1 discourages",
		low: Number.MIN_VALUE,
		high: Infinity,
		slider: {
			low: .5,
			high: 2,
			step: .01
		},
		initial: 1.2,
		whole: !1,
		off: [1],
		truncates: !1,
		looksBack: !0,
		aliases: ["repeat_penalty"],
		options: [it("all")],
		apply: (e, t, n, r) => Be(e, t, n.scope, r)
	},
	{
		name: "frequency_penalty",
		help: "takes this from a token's logit for each time it came",
		low: -Infinity,
		high: Infinity,
		slider: {
			low: -2,
			high: 2,
			step: .05
		},
		initial: .5,
		whole: !1,
		off: [0],
		truncates: !1,
		looksBack: !0,
		aliases: [],
		options: [it("output")],
		apply: (e, t, n, r) => Ve(e, t, n.scope, r)
	},
	{
		name: "presence_penalty",
		help: "takes this from the logit of every token that came",
		low: -Infinity,
		high: Infinity,
		slider: {
			low: -2,
			high: 2,
			step: .05
		},
		initial: .5,
		whole: !1,
		off: [0],
		truncates: !1,
		looksBack: !0,
		aliases: [],
		options: [it("output")],
		apply: (e, t, n, r) => He(e, t, n.scope, r)
	},
	{
		name: "dry",
		main: "multiplier",
		help: "penalises the token that would continue a repetition, more the longer it is",
		low: 0,
		high: Infinity,
		slider: {
			low: 0,
			high: 4,
			step: .05
		},
		initial: .8,
		whole: !1,
		off: [0],
		truncates: !1,
		looksBack: !0,
		aliases: [],
		options: [
			{
				name: "base",
				initial: 1.75,
				low: 1
			},
			{
				name: "allowed_length",
				initial: 2,
				low: 1,
				whole: !0
			},
			{
				name: "last_n",
				initial: -1,
				low: -1,
				whole: !0
			}
		],
		apply: (e, t, n, r) => n.last_n === 0 ? e : Ue(e, t, n.base, n.allowed_length, n.last_n, r)
	}
];
function lt(e, t, n) {
	let r = n.temperature;
	if (r === 0) return 0;
	let i = Math.min(k(e).entropy / Math.log(Math.max(e.to - e.from, 2)), 1), a = Math.max(r - t, 0);
	return a + (r + t - a) * i ** n.exponent;
}
function ut(e, t) {
	let { total: n, entropy: r } = k(e), i = 0;
	for (let a = e.from; a < e.to; a++) {
		let o = O(e, a) - Math.log(n);
		if (i += -Math.exp(o) * o, i > t * r * (1 + ce)) return Math.max(1, a - e.from);
	}
	return e.to - e.from;
}
var dt = /* @__PURE__ */ new Map([
	["xtc", "throws a coin for every token"],
	["mirostat", "remembers the tokens before"],
	["adaptive_p", "remembers the tokens before"],
	["logit_bias", "names tokens by id"],
	["bad_words", "names tokens by id"],
	["min_tokens", "names tokens by id"],
	["allowed", "names tokens by id"],
	["grammar", "is a program"]
]), M = new Map(ct.map((e) => [e.name, e]));
function ft(e, t) {
	return Object.fromEntries((e.options ?? []).map((e) => [e.name, t?.[e.name] ?? e.initial]));
}
var pt = new Map(ct.flatMap((e) => [e.name, ...e.aliases].map((t) => [t, e])));
function mt(e) {
	return pt.get(e.trim().toLowerCase().replaceAll("-", "_"));
}
// src/math/stage.ts
var N = class extends Error {};
function ht(e) {
	return !M.get(e.name).off.includes(e.value) && e.options?.scope !== "last:0" && e.options?.last_n !== 0;
}
function P({ name: e, value: t, options: n }) {
	let r = M.get(e), i = (r.options ?? []).filter((e) => (n?.[e.name] ?? e.initial) !== e.initial || r.main !== void 0 && xt(e)).map((e) => `${e.name}=${St(n?.[e.name] ?? e.initial)}`);
	return r.main === void 0 ? i.length === 0 ? `${e}=${St(t)}` : `${e}(${[St(t), ...i].join(", ")})` : `${e}(${[`${r.main}=${St(t)}`, ...i].join(", ")})`;
}
function gt(e) {
	let t = /^\s*([\w-]+)\s*(?:=\s*([^()]+?)|\(\s*(.*?)\s*\))\s*$/s.exec(e);
	if (t === null) throw new N(`a stage is written name=value, got “${e.trim()}”; for example temperature=0.8 | top_p=0.9`);
	let [, n, r, i] = t, a = mt(n);
	if (a === void 0) {
		let e = dt.get(n.trim().toLowerCase().replaceAll("-", "_"));
		throw new N(e === void 0 ? `the page does not compute “${n}”; it knows ${[...M.keys()].join(", ")}` : `the page does not compute “${n}”: it ${e}`);
	}
	if (r !== void 0) return {
		name: a.name,
		value: vt(a, Number(r), r)
	};
	let o = a.main ?? a.name, s = [o, ...(a.options ?? []).map((e) => e.name)], c = /* @__PURE__ */ new Map();
	i.split(",").forEach((e, t) => {
		let [n, r] = e.includes("=") ? e.split("=").map((e) => e.trim()) : [s[t] ?? "", e.trim()];
		if (!s.includes(n)) throw new N(`${a.name} has no setting “${n || e.trim()}” here; it has ${s.join(", ")}`);
		c.set(n, r);
	});
	let l = c.get(o);
	if (l === void 0) throw new N(`${a.name} needs its ${o}`);
	let u = (a.options ?? []).flatMap((e) => {
		let t = c.get(e.name);
		return t === void 0 ? [] : [[e.name, yt(a, e, t)]];
	});
	return _t({
		name: a.name,
		value: vt(a, Number(l), l)
	}, Object.fromEntries(u));
}
function _t(e, t) {
	let n = (M.get(e.name).options ?? []).filter((e) => (t[e.name] ?? e.initial) !== e.initial), r = {
		name: e.name,
		value: e.value
	};
	return n.length === 0 ? r : {
		...r,
		options: Object.fromEntries(n.map((e) => [e.name, t[e.name]]))
	};
}
function vt(e, t, n = String(t)) {
	return e.off.includes(t) ? t : bt(e.main === void 0 ? e.name : `${e.name}'s ${e.main}`, e.low, e.high, e.whole, t, n);
}
function yt(e, t, n) {
	let r = `${e.name}'s ${t.name}`;
	if (t.words !== void 0) {
		if (t.words.includes(n)) return n;
		throw new N(`${r} must be ${t.words.join(" or ")}, got ${n}`);
	}
	if (t.scope) {
		if (/^(all|output|last:\d+)$/.test(n)) return n;
		throw new N(`${r} must be all, output or last:N, got ${n}`);
	}
	return bt(r, t.low ?? -Infinity, t.high ?? Infinity, t.whole ?? !1, Number(n), n);
}
function bt(e, t, n, r, i, a) {
	if (i >= t && i <= n && Number.isFinite(i) && a.trim() !== "" && !(r && i % 1)) return i;
	let o = t === Number.MIN_VALUE ? "above 0" : `of ${t} or more`, s = Number.isFinite(n) ? `from ${t} to ${n}` : Number.isFinite(t) ? o : "that is finite";
	throw new N(`${e} must be a ${r ? "whole " : ""}number ${s}, got ${a}`);
}
function xt(e) {
	return e.words === void 0 && !e.scope;
}
function St(e) {
	if (typeof e == "string") return e;
	let t = Math.abs(e);
	return t === 0 || t >= 1e-4 && t < 0x2386f26fc10000 ? String(e) : e.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
// src/math/chain.ts
function Ct(e) {
	return e.trim() === "" ? [] : Et(e.split("|").map(gt));
}
function wt(e) {
	return e.length === 0 ? null : `The page does not compute ${e.map((e) => {
		let t = dt.get(/^[\w-]+/.exec(e)?.[0].toLowerCase().replaceAll("-", "_") ?? "");
		return t === void 0 ? e : `${e} (it ${t})`;
	}).join(", ")}: its numbers are without ${e.length === 1 ? "it" : "them"}.`;
}
function Tt(e) {
	let t = [];
	return {
		chain: Et(e.split("|").filter((e) => e.trim()).flatMap((e) => {
			try {
				return [gt(e)];
			} catch {
				return t.push(e.trim()), [];
			}
		})),
		others: t
	};
}
function Et(e) {
	let t = e.filter(ht);
	if (t.filter((e) => M.get(e.name).tempers).length > 1) throw new N("a chain may hold temperature or dynatemp once; two temperatures in a row are one, their product");
	return t;
}
function F(e) {
	return e.map(P).join(" | ");
}
function Dt(e) {
	return e.find((e) => M.get(e.name).tempers);
}
function Ot(e) {
	let t = Dt(e);
	return t === void 0 ? 1 : t.name === "temperature" ? t.value : Number(t.options?.temperature ?? 1);
}
function kt(e, t) {
	let n = Dt(e);
	if (n === void 0) return [{
		name: "temperature",
		value: t
	}, ...e];
	let r = n.name === "temperature" ? {
		name: "temperature",
		value: t
	} : _t(n, {
		...n.options,
		temperature: t
	});
	return e.map((e) => e === n ? r : e);
}
var At = {
	ids: [],
	ranks: [],
	promptLength: 0
};
function jt(e, t, n = At) {
	let r = M.get(t.name);
	return ht(t) ? r.apply(e, t.value, ft(r, t.options), n) : e;
}
function Mt(e, t, n = At) {
	let r = pe(t), i = Ot(e) === 0, a = r, o = r, s = [];
	for (let t of e) {
		let e = jt(a, t, n), r = M.get(t.name);
		!r.truncates && !(r.tempers && i) && (o = jt(o, t, n));
		let c = I(a) - I(e);
		s.push({
			stage: t,
			before: a,
			after: e,
			kept: I(e),
			removed: c,
			keptMass: c === 0 ? 1 : Fe(a, e),
			keptMassTotal: Math.min(1, Fe(o, e))
		}), a = e;
	}
	let c = Ot(e);
	return {
		raw: r,
		tempered: c === 0 ? jt(r, {
			name: "temperature",
			value: 0
		}) : {
			...r,
			temperature: c
		},
		processed: a,
		stages: s,
		warnings: It(e, r, s, n)
	};
}
function I(e) {
	return e.to - e.from;
}
function Nt(e, t) {
	return je(e.processed, t) ? null : e.stages.find(({ after: e }) => !je(e, t))?.stage ?? null;
}
function Pt(e) {
	let t = ye(e.raw, .9);
	return Ne(e.processed, t);
}
function Ft(e) {
	return Math.exp(k(e).entropy);
}
function It(e, t, n, r) {
	let i = (e) => e.reduce((e, t) => jt(e, t, r), t), a = e.filter((e) => M.get(e.name).truncates), o = i(e), s = Dt(e), c = Ot(e);
	if (c === 0) return a.length === 0 ? [] : [`${P(s)} takes the most likely token in any case, so ${zt(a)} cannot change the result.`];
	let l = [];
	for (let t of n) if (a.includes(t.stage)) {
		if (t.removed === 0) {
			let e = t.kept === 1 ? "one token reaches it" : `it keeps all ${Bt(t.kept)} that reach it`;
			l.push(`${P(t.stage)} removes nothing here: ${e}.`);
		} else Lt(i(e.filter((e) => e !== t.stage)), o) && l.push(`${P(t.stage)} is made moot by the rest: without it the same ${Bt(I(o))} would be kept.`);
	}
	let u = a.map((t) => I(i(e.filter((e) => e === t || !a.includes(e)))));
	if (a.length > 1 && I(o) < Math.min(...u)) {
		let e = a.map((e, t) => `${P(e)} alone keeps ${u[t].toLocaleString("en")}`);
		l.push(`together the stages keep ${Bt(I(o))}, fewer than any of them alone (${e.join(", ")}).`);
	}
	let d = s === void 0 ? 0 : e.indexOf(s), f = e.slice(0, d).filter((e) => a.includes(e));
	if (s !== void 0 && f.length > 0) {
		let t = e.filter((e) => e !== s), n = e.indexOf(f[0]), r = I(i([
			...t.slice(0, n),
			s,
			...t.slice(n)
		]));
		r !== I(o) && l.push(`${zt(f)} comes before ${P(s)} and does not see it: ${Bt(I(o))} remain, and would be ${r.toLocaleString("en")} with temperature first.`);
	}
	a.length > 0 && I(o) === 1 && I(t) > 1 && l.push("one token is left, so every draw here is the greedy token, whatever temperature and seed.");
	let p = ye(t, .9);
	return c > 1 && a.length > 0 && I(o) < p && l.push(`temperature ${c} asks for more variety, but the truncations then keep ${Bt(I(o))}, fewer than the ${p.toLocaleString("en")} that hold 90 % of the probability at temperature 1: the settings pull in opposite directions.`), a.length > 2 && l.push(`${a.length} truncations are stacked (${zt(a)}); one is usually enough, and easier to reason about.`), l;
}
function Lt(e, t) {
	return I(e) === I(t) ? e.logits === t.logits && e.order === t.order ? e.from === t.from : Rt(e, t) : !1;
}
function Rt(e, t) {
	for (let n = e.from; n < e.to; n++) if (!je(t, A(e, n))) return !1;
	return !0;
}
function zt(e) {
	let t = e.map(P);
	return t.length < 2 ? t.join("") : `${t.slice(0, -1).join(", ")} and ${t.at(-1)}`;
}
function Bt(e) {
	return `${e.toLocaleString("en")} ${e === 1 ? "token" : "tokens"}`;
}
// src/math/comparison.ts
function Vt(e, t) {
	let n = new Uint32Array(t).fill(e.length);
	return e.forEach((e, t) => n[e] = t), n;
}
function Ht(e, t, n) {
	let r = Vt(t.ids, n), i = Math.log(k(e.window).total), a = Math.log(k(t.window).total), o = 0, s = 0, c = 0, l = 0;
	for (let n = e.window.from; n < e.window.to; n++) {
		let u = O(e.window, n) - i, d = Math.exp(u), f = Ae(t.window, r[e.ids[A(e.window, n)]]);
		if (f < t.window.from || f >= t.window.to) {
			d > 0 && (o = Infinity), c += .5 * d * Math.LN2, l += d;
			continue;
		}
		let p = O(t.window, f) - a, m = Math.exp(p);
		o += d === 0 ? 0 : d * (u - p), s += m === 0 ? 0 : m * (p - u);
		let h = Math.log((d + m) / 2);
		c += .5 * ((d === 0 ? 0 : d * (u - h)) + (m === 0 ? 0 : m * (p - h))), l += Math.abs(d - m);
	}
	let u = new Uint8Array(n);
	for (let t = e.window.from; t < e.window.to; t++) u[e.ids[A(e.window, t)]] = 1;
	for (let e = t.window.from; e < t.window.to; e++) {
		if (u[t.ids[A(t.window, e)]]) continue;
		let n = Math.exp(O(t.window, e) - a);
		n > 0 && (s = Infinity), c += .5 * n * Math.LN2, l += n;
	}
	return {
		klForward: Math.max(0, o),
		klReverse: Math.max(0, s),
		jsd: Math.max(0, c),
		totalVariation: l / 2
	};
}
var Ut = .001, Wt = 1e3;
function Gt(e, t, n, r) {
	let i = Vt(n, r), a = Math.log(k(e.window).total), o = t[0], s = 0;
	for (let n = e.window.from; n < e.window.to; n++) {
		let r = Math.exp(O(e.window, n) - a), c = i[e.ids[n]];
		if (c >= t.length) {
			if (r > 0) return null;
		} else s += r * (t[c] - o);
	}
	let c = (e) => {
		let n = 0, r = 0;
		for (let i = 0; i < t.length; i++) {
			let a = t[i] - o, s = Math.exp(a / e);
			if (s === 0) break;
			n += s, r += s * a;
		}
		return r / n;
	}, [l, u] = [Math.log(Ut), Math.log(Wt)];
	if (c(Ut) <= s) return d(Ut, !0);
	if (c(Wt) >= s) return d(Wt, !0);
	for (let e = 0; e < 60; e++) {
		let e = (l + u) / 2;
		c(Math.exp(e)) > s ? l = e : u = e;
	}
	return d(Math.exp((l + u) / 2), !1);
	function d(i, a) {
		return {
			temperature: i,
			residual: Ht(e, {
				window: {
					logits: t,
					temperature: i,
					from: 0,
					to: t.length
				},
				ids: n
			}, r).klForward,
			atBound: a
		};
	}
}
// src/math/engines.ts
var Kt = { ties: "all" }, qt = { ties: "highest" }, Jt = /* @__PURE__ */ new Map([
	["retort", [
		["repetition_penalty"],
		["frequency_penalty"],
		["presence_penalty"],
		["dry"],
		["temperature"],
		["dynatemp"],
		["top_k"],
		["top_p"],
		["min_p"],
		["typical_p"],
		["epsilon_cutoff"],
		["eta_cutoff"],
		["top_n_sigma"],
		["top_h"]
	]],
	["transformers", [
		["repetition_penalty"],
		["temperature"],
		["top_h", {
			entropy: "summed",
			among: 100
		}],
		["top_k", Kt],
		["top_p", qt],
		["min_p"],
		["typical_p", Kt],
		["epsilon_cutoff", Kt],
		["eta_cutoff", Kt]
	]],
	["vllm", [
		["repetition_penalty"],
		["frequency_penalty"],
		["presence_penalty"],
		["temperature"],
		["min_p"],
		["top_k", Kt],
		["top_p", qt]
	]],
	["sglang", [
		["frequency_penalty"],
		["presence_penalty"],
		["repetition_penalty", { scope: "output" }],
		["temperature"],
		["top_k", Kt],
		["top_p", Kt],
		["min_p"]
	]],
	["llama.cpp", [
		["repetition_penalty", { scope: "last:64" }],
		["frequency_penalty", { scope: "last:64" }],
		["presence_penalty", { scope: "last:64" }],
		["dry"],
		["top_n_sigma"],
		["top_k"],
		["typical_p"],
		["top_p"],
		["min_p"],
		["temperature"]
	]],
	["mlx-lm", [
		["repetition_penalty", { scope: "last:20" }],
		["presence_penalty", { scope: "last:20" }],
		["frequency_penalty", { scope: "last:20" }],
		["top_p", Kt],
		["min_p"],
		["top_k"],
		["temperature"]
	]]
]);
function Yt(e, t) {
	let n = Jt.get(e) ?? [], r = (e) => {
		let t = n.findIndex(([t]) => t === e);
		return t < 0 ? n.length : t;
	};
	return [...t].sort((e, t) => r(e.name) - r(t.name)).map((e) => {
		let t = n[r(e.name)];
		if (t === void 0) return e;
		let { ties: i, scope: a, ...o } = e.options ?? {};
		return _t(e, {
			...o,
			...t[1]
		});
	});
}
// src/math/unpack.ts
var Xt = 64, Zt = 24, Qt = 5;
function $t(e) {
	let t = rn(e.data);
	if (e.encoding === "float64") {
		let n = new DataView(t.buffer);
		return Float64Array.from({ length: e.count }, (e, t) => n.getFloat64(8 * t, !0));
	}
	if (e.encoding !== "rice32") throw Error(`logits are packed as ${e.encoding}, which this page cannot read`);
	return tn(t, e.count);
}
function en(e) {
	let t = new nn(rn(e.data)), n = new Uint32Array(e.count);
	for (let r = 0; r < e.count; r++) n[r] = t.read(e.width);
	return n;
}
function tn(e, t) {
	let n = new nn(e), r = new Float64Array(t), i = /* @__PURE__ */ new Uint32Array(1), a = new Float32Array(i.buffer), o = 4294967295, s = 0;
	for (let e = 0; e < t; e++) {
		e % Xt === 0 && (s = n.read(Qt));
		let t = n.zeros();
		o -= t === Zt ? n.read(32) : t * 2 ** s + n.read(s), i[0] = o >= 2147483648 ? o - 2147483648 : 4294967295 - o, r[e] = a[0];
	}
	return r;
}
var nn = class {
	bytes;
	place = 0;
	constructor(e) {
		this.bytes = e;
	}
	read(e) {
		let t = 0, n = e;
		for (; n > 0;) {
			let e = this.place & 7, r = Math.min(n, 8 - e), i = this.bytes[this.place >> 3] >> 8 - e - r & (1 << r) - 1;
			t = t * 2 ** r + i, this.place += r, n -= r;
		}
		return t;
	}
	zeros() {
		let e = 0;
		for (;;) {
			let t = this.place & 7, n = this.bytes[this.place >> 3] << t & 255;
			if (n === 0) {
				if (this.place >> 3 >= this.bytes.length) throw Error("the packed logits end too early");
				e += 8 - t, this.place += 8 - t;
			} else {
				let t = Math.clz32(n) - 24;
				return this.place += t + 1, e + t;
			}
		}
	}
};
function rn(e) {
	let t = atob(e), n = new Uint8Array(t.length);
	for (let e = 0; e < t.length; e++) n[e] = t.charCodeAt(e);
	return n;
}
// src/parts/format.ts
function L(e) {
	if (e === 0) return "0 %";
	if (e >= 1e-4) return `${(100 * e).toFixed(2)} %`;
	let [t, n] = e.toExponential(1).split("e");
	return `${t}·10${sn(Number(n))}`;
}
function R(e) {
	if (e == null || Number.isNaN(e)) return "–";
	if (!Number.isFinite(e)) return e > 0 ? "∞" : "−∞";
	let t = Math.abs(e);
	if (t !== 0 && (t < 1e-4 || t >= 1e6)) {
		let [t, n] = e.toExponential(2).split("e");
		return on(`${t}·10${sn(Number(n))}`);
	}
	return on(t >= 1e3 ? V(e) : String(Number(e.toPrecision(4))));
}
function z(e) {
	return `${R(e)} nats`;
}
function B(e, t = 4) {
	return `${e > 0 ? "+" : ""}${on(e.toFixed(t))}`;
}
function V(e) {
	return on(Math.round(e).toLocaleString("en"));
}
function an(e) {
	return `${V(e)} ${e === 1 ? "token" : "tokens"}`;
}
function H(e) {
	return String(Number(e.toFixed(4)));
}
function on(e) {
	return e.replace("-", "−");
}
function sn(e) {
	return String(e).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
function cn(e, t, n = R) {
	let [r, i] = [n(e), n(t)];
	return r === i ? r : `${r} – ${i}`;
}
function U(e, t) {
	let [n, r] = [L(e), L(t)];
	return n === r ? n : `${n.endsWith(" %") && r.endsWith(" %") ? n.slice(0, -2) : n} – ${r}`;
}
// src/parts/chainEditor.ts
function ln(e, t, { heat: n }) {
	let r = [], i = _("ol", {
		class: "chain",
		"aria-label": "Chain of stages, in the order in which they apply"
	}), a = _("select", {
		class: "chain-add",
		"aria-label": "Add a stage at the end",
		onchange: () => g(a.value)
	}), o = _("p", {
		class: "error",
		role: "alert"
	}), s = _("div", { class: "chain-editor" }, i, _("div", { class: "chain-tools" }, a), o), c = () => r.map((e) => e.stage), l = () => e(c());
	function u(e) {
		let t = c().filter(ht);
		if (F(e) === F(t)) return;
		let n = [...r];
		r = e.map((e) => {
			let t = n.findIndex((t) => t.stage.name === e.name), r = t >= 0 ? n.splice(t, 1)[0] : p(e);
			return f(r, e), r;
		}), d();
	}
	function d() {
		let e = document.activeElement, t = r.map((e) => e.item);
		(t.length !== i.children.length || t.some((e, t) => i.children[t] !== e)) && (x(i, ...t), e instanceof HTMLElement && i.contains(e) && e.focus()), r.forEach((e, t) => {
			e.handle.setAttribute("aria-label", `${e.stage.name}, stage ${t + 1} of ${r.length}. Arrow keys move it, Delete removes it.`);
		});
		let n = r.some((e) => M.get(e.stage.name).tempers), o = [...M.values()].filter((e) => !(e.tempers && n) && !r.some((t) => t.stage.name === e.name));
		x(a, _("option", { value: "" }, "+ add a stage"), ...o.map((e) => _("option", { value: e.name }, `${e.name}: ${e.help}`))), a.hidden = o.length === 0;
	}
	function f(e, t) {
		e.stage = t, document.activeElement !== e.number && (e.number.value = String(t.value)), e.range.value = String(t.value), e.range.setAttribute("aria-valuetext", `${t.name} ${t.value}`);
		for (let [n, r] of e.options) {
			let e = String(t.options?.[n.name] ?? n.initial);
			document.activeElement !== r && r.value !== e && (r.value = e);
		}
	}
	function p(e) {
		let t = M.get(e.name), r = C(e.name), i = _("button", {
			type: "button",
			class: "handle",
			title: "Drag, or use the arrow keys, to change the order"
		}, _("span", { "aria-hidden": "true" }, "⠿")), { low: a, high: o, step: s } = t.slider, c = _("input", {
			type: "range",
			min: a,
			max: o,
			step: s,
			"aria-label": e.name,
			"data-stage": e.name
		}), l = _("input", {
			id: r,
			type: "number",
			min: t.low,
			step: "any",
			inputmode: "decimal",
			"data-number": e.name
		}), u = _("p", { class: "effect" }), d = new Map((t.options ?? []).map((e) => [e, pn(e)])), p = d.size === 0 ? null : _("details", {
			class: "stage-options",
			open: e.options !== void 0
		}, _("summary", {}, "more settings"), ...[...d].map(([e, t]) => _("label", {}, `${e.name} `, t))), g = _("button", {
			type: "button",
			class: "quiet remove",
			"aria-label": `Remove ${e.name}`
		}, _("span", { "aria-hidden": "true" }, "×")), y = {
			stage: e,
			item: _("li", {
				class: "stage",
				"data-name": e.name
			}, i, _("label", {
				for: r,
				class: "stage-name",
				title: t.help
			}, ...fn(e.name)), t.name === "temperature" && !n ? null : c, l, g, u, p),
			handle: i,
			range: c,
			number: l,
			options: d,
			effect: u
		};
		for (let [e, n] of d) n.addEventListener("input", () => h(y, t, e, n));
		return c.addEventListener("input", () => m(y, t, c.value)), l.addEventListener("input", () => m(y, t, l.value)), l.addEventListener("blur", () => f(y, y.stage)), g.addEventListener("click", () => v(y)), i.addEventListener("keydown", (e) => b(y, e)), ee(y), y;
	}
	function m(e, t, n) {
		try {
			if (n.trim() === "") return;
			f(e, {
				...e.stage,
				value: vt(t, Number(n), n)
			}), e.number.removeAttribute("aria-invalid"), S(o, ""), l();
		} catch (t) {
			e.number.setAttribute("aria-invalid", "true"), S(o, t.message);
		}
	}
	function h(e, t, n, r) {
		try {
			if (r.value.trim() === "") return;
			let i = yt(t, n, r.value);
			f(e, _t(e.stage, {
				...e.stage.options,
				[n.name]: i
			})), r.removeAttribute("aria-invalid"), S(o, ""), l();
		} catch (e) {
			r.setAttribute("aria-invalid", "true"), S(o, e.message);
		}
	}
	function g(e) {
		let n = mt(e);
		if (n === void 0) return;
		let i = p({
			name: n.name,
			value: n.initial
		});
		f(i, i.stage), r.push(i), d(), l(), i.number.focus(), t(`${e} added as stage ${r.length}`);
	}
	function v(e) {
		let n = r.indexOf(e);
		r.splice(n, 1), d(), l(), t(`${e.stage.name} removed`), (r[Math.min(n, r.length - 1)]?.handle ?? a).focus();
	}
	function y(e, n) {
		let i = r.indexOf(e);
		n < 0 || n >= r.length || n === i || (r.splice(i, 1), r.splice(n, 0, e), d(), l(), t(`${e.stage.name} is now stage ${n + 1} of ${r.length}`));
	}
	function b(e, t) {
		let n = r.indexOf(e), i = {
			ArrowUp: n - 1,
			ArrowLeft: n - 1,
			ArrowDown: n + 1,
			ArrowRight: n + 1
		}[t.key];
		if (i !== void 0) y(e, i);
		else if (t.key === "Delete" || t.key === "Backspace") v(e);
		else return;
		t.preventDefault(), e.handle.focus();
	}
	function ee(e) {
		e.handle.addEventListener("pointerdown", (t) => {
			if (t.button !== 0) return;
			t.preventDefault(), e.handle.focus(), e.handle.setPointerCapture(t.pointerId), e.item.classList.add("dragged");
			let n = (t) => {
				let n = r.findIndex(({ item: e }) => {
					let n = e.getBoundingClientRect();
					return t.clientY >= n.top && t.clientY < n.bottom;
				});
				n >= 0 && y(e, n);
			}, i = () => {
				e.item.classList.remove("dragged"), e.handle.removeEventListener("pointermove", n), e.handle.removeEventListener("pointerup", i), e.handle.removeEventListener("pointercancel", i);
			};
			e.handle.addEventListener("pointermove", n), e.handle.addEventListener("pointerup", i), e.handle.addEventListener("pointercancel", i);
		});
	}
	function w(e, t = "off") {
		for (let n of r) {
			let r = e.find((e) => e.stage.name === n.stage.name);
			S(n.effect, r === void 0 ? ht(n.stage) ? t : "off" : un(r));
		}
	}
	return d(), {
		element: s,
		show: u,
		report: w
	};
}
function un(e) {
	let t = M.get(e.stage.name);
	return t.looksBack ? e.after !== void 0 && e.after === e.before ? "changes nothing here: no token in its scope came before" : "moves the logits of tokens that came before" : t.name === "dynatemp" ? "a temperature that follows the entropy" : !t.truncates && e.removed === 0 ? e.stage.value === 1 ? "leaves the model as it is" : e.stage.value < 1 ? "sharpens" : "flattens" : `keeps ${V(e.kept)}, removes ${V(e.removed)}; keeps ${dn(e.keptMass)} of the mass that came in`;
}
function dn(e) {
	return typeof e == "number" ? L(e) : U(e.low, e.high);
}
function fn(e) {
	return e.split(/(?<=_)/).flatMap((e, t) => t === 0 ? [e] : [_("wbr"), e]);
}
function pn(e) {
	return e.words === void 0 ? _("input", {
		type: "text",
		inputmode: e.scope ? "text" : "decimal",
		autocomplete: "off",
		"data-option": e.name
	}) : x(_("select", { "data-option": e.name }), ...e.words.map((e) => _("option", { value: e }, e)));
}
// src/parts/frame.ts
function mn(e) {
	let t = !1;
	return () => {
		t || (t = !0, requestAnimationFrame(() => {
			t = !1, e();
		}));
	};
}
function hn(e, t, n) {
	let r = 0, i = new ResizeObserver(([i]) => {
		let a = Math.max(280, Math.round(i.contentRect.width));
		a !== r && i.contentRect.width !== 0 && (r = a, e.setAttribute("viewBox", `0 0 ${a} ${t}`), n(a));
	});
	return i.observe(e), () => i.disconnect();
}
// src/parts/tokens.ts
var gn = {
	" ": ["␣", "space"],
	"\n": ["↵", "line break"],
	"	": ["⇥", "tab"],
	"\r": ["␍", "carriage return"],
	"\xA0": ["⍽", "no-break space"],
	"　": ["□", "wide space"]
}, _n = /<0x([0-9A-F]{2})>/, vn = /^<(?:\||\/)?[A-Za-z][\w .|/-]*(?:\|)?>$/, yn = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}\p{Co}\p{Cn}\p{Cs}]|[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\u{e0000}-\u{e0fff}]/u, bn = /[\u200d\ufe0f]/, xn = /\p{Extended_Pictographic}/u;
function Sn(e) {
	return e === "" ? [{
		text: "∅",
		kind: "sign",
		spoken: "empty"
	}] : vn.test(e) && !_n.test(e) ? [{
		text: e,
		kind: "marker",
		spoken: `marker ${e}`
	}] : e.split(/(<0x[0-9A-F]{2}>)/).flatMap((e) => {
		let t = _n.exec(e);
		return t ? [{
			text: `⟨${t[1]}⟩`,
			kind: "byte",
			spoken: `byte ${t[1]}`
		}] : Cn(e);
	});
}
function Cn(e) {
	let t = [], n = [...e];
	return n.forEach((e, r) => {
		let i = gn[e];
		if (i) t.push({
			text: i[0],
			kind: "sign",
			spoken: i[1]
		});
		else if (yn.test(e) || bn.test(e) && !wn(n, r)) {
			let n = e.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
			t.push({
				text: `⟨U+${n}⟩`,
				kind: "byte",
				spoken: `character U+${n}`
			});
		} else {
			let n = t.at(-1), r = /\p{M}/u.test(e) && !bn.test(e) && n?.kind !== "plain" ? `◌${e}` : e;
			n?.kind === "plain" ? (n.text += r, n.spoken += e) : t.push({
				text: r,
				kind: "plain",
				spoken: e
			});
		}
	}), t;
}
function wn(e, t) {
	return t > 0 && (xn.test(e[t - 1]) || bn.test(e[t - 1]) || /\p{Emoji_Modifier}/u.test(e[t - 1]));
}
function W(e) {
	return _("bdi", { class: "token" }, ...Sn(e).map((e) => e.kind === "plain" ? e.text : _("span", { class: `piece-${e.kind}` }, e.text)));
}
function Tn(e) {
	return Sn(e).map((e) => e.text).join("");
}
function En(e) {
	return Sn(e).map((e) => e.spoken).join(" ");
}
// src/views/compare.ts
var Dn = 18;
function On(e, t) {
	let { state: n, announce: r } = t, i = Math.max(e.a.vocabulary, e.b.vocabulary), a = [kn("A", "chain_a", e.a, i), kn("B", "chain_b", e.b, i)], o = a.map((e) => m(e)), s = _("dl", { class: "measures" }), c = _("tbody"), l = _("p", {
		class: "note",
		hidden: e.comparable
	}, "The two models have different vocabularies: their distributions are shown, and no distance between them is given."), u = Rn(), d = mn(h), f = null;
	function p(e) {
		try {
			return Ct(n.get(e.key) ?? e.record.chain);
		} catch {
			return Tt(e.record.chain).chain;
		}
	}
	function m(e) {
		let t = (t) => n.set(e.key, F(t.filter(ht)) || " "), i = ln(t, r, { heat: !0 }), a = _("select", {
			"aria-label": `${e.name}: order and rules as in an engine`,
			onchange: () => {
				a.value && t(Yt(a.value, p(e))), a.value = "";
			}
		});
		x(a, _("option", { value: "" }, "as in …"), ...[...Jt.keys()].map((e) => _("option", { value: e }, e)));
		let o = _("p", { class: "meta" }), s = wt(Tt(e.record.chain).others);
		return {
			element: _("section", {
				class: `card side-${e.name.toLowerCase()}`,
				"aria-label": e.name
			}, _("h2", {}, _("span", { class: `side-mark mark-${e.name.toLowerCase()}` }, e.name), ` ${e.record.model}`), _("p", {
				class: "tokens side-prompt",
				dir: "auto"
			}, ...e.record.prompt_tokens.map(W)), s ? _("p", { class: "note" }, s) : null, i.element, _("p", { class: "chain-tools" }, a), o),
			show(t) {
				i.show(p(e)), i.report(t.stages);
				let { processed: n } = t;
				S(o, `${V(I(n))} tokens can come; entropy ${z(k(n).entropy)}, effective support ${R(Ft(n))} tokens`);
			}
		};
	}
	function h() {
		let [t, n] = a.map((e) => Mt(p(e), e.logits, e.history));
		f = [t, n], o[0].show(t), o[1].show(n);
		let r = e.comparable ? An(a, t, n) : Mn(a, t, n), l = Math.max(...r.map((e) => Math.max(e.a, e.b)), 1e-12);
		x(c, ...r.map((e) => Nn(e, l))), u.draw(r), x(s, ...e.comparable ? Pn(a, t, n, i) : []);
	}
	let g = n.listen((e) => (e === "chain_a" || e === "chain_b") && d()), v = _("div", {}, l, _("div", { class: "two" }, o[0].element, o[1].element), _("section", {
		class: "card",
		"aria-label": "The two processed distributions"
	}, s, _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "Tokens in A and in B"
	}, _("table", { class: "bars pair" }, _("caption", { class: "sr" }, "Processed probability of each token in A and in B"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
		scope: "col",
		class: "figure ink-a"
	}, "A"), _("th", {
		scope: "col",
		class: "figure ink-b"
	}, "B"), _("th", { scope: "col" }, _("span", { class: "sr" }, "bars")))), c))), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "A against B, processed. "), _("small", {}, "On the line both give a token the same probability.")), u.element));
	return h(), {
		element: v,
		close: () => {
			g(), u.close();
		},
		download: {
			name: "retort-compare",
			json: () => zn(e, a, f, i),
			csv: () => [[
				"token",
				"prob_a",
				"prob_b"
			], ...(e.comparable ? An(a, ...f, 500) : Mn(a, ...f)).map((e) => [
				e.token,
				e.a,
				e.b
			])],
			svg: () => u.element
		}
	};
}
function kn(e, t, n, r) {
	let i = en(n.rank_ids);
	return {
		name: e,
		key: t,
		record: n,
		ids: i,
		logits: $t(n.logits),
		history: oe(n),
		ranks: Vt(i, r),
		names: new Map(n.ids.map((e, t) => [e, n.tokens[t]]))
	};
}
function An([e, t], n, r, i = Dn) {
	return [.../* @__PURE__ */ new Set([...jn(e, n, i), ...jn(t, r, i)])].map((i) => {
		let [a, o] = [e.ranks[i], t.ranks[i]];
		return {
			token: e.names.get(i) ?? t.names.get(i) ?? `#${i}`,
			a: a < e.logits.length ? j(n.processed, a) : 0,
			b: o < t.logits.length ? j(r.processed, o) : 0,
			removedA: Nt(n, a)?.name ?? null,
			removedB: Nt(r, o)?.name ?? null
		};
	}).sort((e, t) => Math.max(t.a, t.b) - Math.max(e.a, e.b)).slice(0, i);
}
function jn(e, t, n) {
	let { from: r, to: i } = t.processed;
	return Array.from({ length: Math.min(n, i - r) }, (n, i) => e.ids[A(t.processed, r + i)]).concat([...e.ids.subarray(0, Math.min(4, e.ids.length))]);
}
function Mn([e, t], n, r) {
	let i = /* @__PURE__ */ new Map(), a = (e, t, n) => {
		for (let r = 0; r < Math.min(Dn, e.record.tokens.length); r++) {
			let a = e.record.tokens[r], o = i.get(a) ?? {
				token: a,
				a: 0,
				b: 0,
				removedA: null,
				removedB: null
			};
			o[n] = j(t.processed, r), i.set(a, o);
		}
	};
	return a(e, n, "a"), a(t, r, "b"), [...i.values()].sort((e, t) => Math.max(t.a, t.b) - Math.max(e.a, e.b)).slice(0, Dn);
}
function Nn(e, t) {
	let [n, r] = [_("span", { class: "bar bar-a" }), _("span", { class: "bar bar-b" })];
	n.style.transform = `scaleX(${e.a / t})`, r.style.transform = `scaleX(${e.b / t})`;
	let i = (e, t, n) => _("td", {
		class: `figure ink-${n}`,
		"data-value": e,
		title: t ? `removed by ${t}` : null
	}, t ? _("small", {}, `− ${t}`) : L(e));
	return _("tr", {}, _("th", {
		scope: "row",
		class: "token-cell"
	}, W(e.token)), i(e.a, e.removedA, "a"), i(e.b, e.removedB, "b"), _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, n, r)));
}
function Pn(e, t, n, r) {
	let [i, a] = e, o = Ht({
		window: t.processed,
		ids: i.ids
	}, {
		window: n.processed,
		ids: a.ids
	}, r), s = Gt({
		window: t.tempered,
		ids: i.ids
	}, a.logits, a.ids, r);
	return [
		[
			"kl-forward",
			"KL(A ‖ B)",
			"nats",
			o.klForward,
			R(o.klForward)
		],
		[
			"kl-reverse",
			"KL(B ‖ A)",
			"nats",
			o.klReverse,
			R(o.klReverse)
		],
		[
			"jsd",
			"Jensen-Shannon",
			"nats, at most ln 2",
			o.jsd,
			R(o.jsd)
		],
		[
			"tv",
			"total variation",
			"0 same, 1 disjoint",
			o.totalVariation,
			R(o.totalVariation)
		],
		[
			"equivalent",
			"equivalent temperature",
			"τ at which B, whole, is nearest to A, tempered",
			s?.temperature ?? NaN,
			s === null ? "none" : `${H(s.temperature)}${s.atBound ? " (a limit)" : ""}, ${z(s.residual)} left`
		]
	].map(([e, t, n, r, i]) => _("div", { class: "measure" }, _("dt", {}, t, " ", _("small", {}, n)), _("dd", {}, _("b", {
		"data-measure": e,
		"data-value": r
	}, i))));
}
var Fn = 300, In = 6.7, Ln = 1e-6;
function Rn() {
	let e = v("g"), t = v("title"), n = v("svg", {
		viewBox: `0 0 640 ${Fn}`,
		class: "chart pair-chart",
		role: "img"
	}, t, e), r = 640, i = [], a = hn(n, Fn, (e) => {
		r = e, s(i);
	}), o = (e, t, n) => t + (n - t) * Math.log(Math.max(e, Ln) / Ln) / Math.log(1 / Ln);
	function s(n) {
		i = n;
		let [a, s, l, u] = [
			66,
			r - 20,
			270,
			14
		];
		S(t, `Probability in A across, in B up: ${n.slice(0, 8).map((e) => `${Tn(e.token)} ${L(e.a)} and ${L(e.b)}`).join("; ")}`), x(e, ...[
			1,
			.01,
			1e-4,
			1e-6
		].flatMap((e) => [
			v("line", {
				class: "grid",
				x1: a,
				x2: s,
				y1: o(e, l, u),
				y2: o(e, l, u)
			}),
			v("text", {
				x: a - 6,
				y: o(e, l, u) + 4,
				"text-anchor": "end"
			}, e === Ln ? "0" : `${100 * e} %`),
			v("text", {
				x: o(e, a, s),
				y: 286,
				"text-anchor": e === 1 ? "end" : "middle"
			}, e === Ln ? "0" : `${100 * e} %`)
		]), v("line", {
			class: "cut",
			x1: a,
			y1: l,
			x2: s,
			y2: u
		}), ...n.map((e) => v("circle", {
			class: e.a >= e.b ? "dot-a" : "dot-b",
			cx: o(e.a, a, s),
			cy: o(e.b, l, u),
			r: 4
		}, v("title", {}, Tn(e.token)))), ...c(n, a, s, l, u), v("text", {
			x: s,
			y: 298,
			"text-anchor": "end"
		}, "probability in A →"), v("text", {
			x: a + 6,
			y: 12
		}, "↑ in B"));
	}
	return {
		element: n,
		draw: s,
		close: a
	};
	function c(e, t, n, r, i) {
		let a = [];
		return e.slice(0, 12).flatMap((e) => {
			let s = o(e.a, t, n), c = o(e.b, r, i), l = Tn(e.token).slice(0, 14), u = s > n - 90, d = u ? s - 7 - In * l.length : s + 7, f = d + In * l.length;
			return a.some(([e, t, n]) => Math.abs(n - c) < 12 && e < f && d < t) ? [] : (a.push([
				d,
				f,
				c
			]), [v("text", {
				class: "dot-label",
				x: u ? s - 7 : s + 7,
				y: c + 4,
				"text-anchor": u ? "end" : "start"
			}, l)]);
		});
	}
}
function zn(e, t, n, r) {
	let [i, a] = n;
	return {
		a: {
			model: e.a.model,
			prompt: e.a.prompt,
			chain: F(i.stages.map((e) => e.stage))
		},
		b: {
			model: e.b.model,
			prompt: e.b.prompt,
			chain: F(a.stages.map((e) => e.stage))
		},
		comparable: e.comparable,
		distances: e.comparable ? Ht({
			window: i.processed,
			ids: t[0].ids
		}, {
			window: a.processed,
			ids: t[1].ids
		}, r) : null,
		tokens: e.comparable ? An(t, i, a, 200) : Mn(t, i, a)
	};
}
// node_modules/d3-array/src/ascending.js
function Bn(e, t) {
	return e == null || t == null ? NaN : e < t ? -1 : e > t ? 1 : e >= t ? 0 : NaN;
}
// node_modules/d3-array/src/descending.js
function Vn(e, t) {
	return e == null || t == null ? NaN : t < e ? -1 : t > e ? 1 : t >= e ? 0 : NaN;
}
// node_modules/d3-array/src/bisector.js
function Hn(e) {
	let t, n, r;
	e.length === 2 ? (t = e === Bn || e === Vn ? e : Un, n = e, r = e) : (t = Bn, n = (t, n) => Bn(e(t), n), r = (t, n) => e(t) - n);
	function i(e, r, i = 0, a = e.length) {
		if (i < a) {
			if (t(r, r) !== 0) return a;
			do {
				let t = i + a >>> 1;
				n(e[t], r) < 0 ? i = t + 1 : a = t;
			} while (i < a);
		}
		return i;
	}
	function a(e, r, i = 0, a = e.length) {
		if (i < a) {
			if (t(r, r) !== 0) return a;
			do {
				let t = i + a >>> 1;
				n(e[t], r) <= 0 ? i = t + 1 : a = t;
			} while (i < a);
		}
		return i;
	}
	function o(e, t, n = 0, a = e.length) {
		let o = i(e, t, n, a - 1);
		return o > n && r(e[o - 1], t) > -r(e[o], t) ? o - 1 : o;
	}
	return {
		left: i,
		center: o,
		right: a
	};
}
function Un() {
	return 0;
}
// node_modules/d3-array/src/number.js
function Wn(e) {
	return e === null ? NaN : +e;
}
// node_modules/d3-array/src/bisect.js
var Gn = Hn(Bn), Kn = Gn.right;
Gn.left, Hn(Wn).center;
// node_modules/d3-array/src/extent.js
function qn(e, t) {
	let n, r;
	if (t === void 0) for (let t of e) t != null && (n === void 0 ? t >= t && (n = r = t) : (n > t && (n = t), r < t && (r = t)));
	else {
		let i = -1;
		for (let a of e) (a = t(a, ++i, e)) != null && (n === void 0 ? a >= a && (n = r = a) : (n > a && (n = a), r < a && (r = a)));
	}
	return [n, r];
}
// node_modules/d3-array/src/ticks.js
var Jn = Math.sqrt(50), Yn = Math.sqrt(10), Xn = Math.sqrt(2);
function Zn(e, t, n) {
	let r = (t - e) / Math.max(0, n), i = Math.floor(Math.log10(r)), a = r / 10 ** i, o = a >= Jn ? 10 : a >= Yn ? 5 : a >= Xn ? 2 : 1, s, c, l;
	return i < 0 ? (l = 10 ** -i / o, s = Math.round(e * l), c = Math.round(t * l), s / l < e && ++s, c / l > t && --c, l = -l) : (l = 10 ** i * o, s = Math.round(e / l), c = Math.round(t / l), s * l < e && ++s, c * l > t && --c), c < s && .5 <= n && n < 2 ? Zn(e, t, n * 2) : [
		s,
		c,
		l
	];
}
function Qn(e, t, n) {
	if (t = +t, e = +e, n = +n, !(n > 0)) return [];
	if (e === t) return [e];
	let r = t < e, [i, a, o] = r ? Zn(t, e, n) : Zn(e, t, n);
	if (!(a >= i)) return [];
	let s = a - i + 1, c = Array(s);
	if (r) {
		if (o < 0) for (let e = 0; e < s; ++e) c[e] = (a - e) / -o;
		else for (let e = 0; e < s; ++e) c[e] = (a - e) * o;
	} else if (o < 0) for (let e = 0; e < s; ++e) c[e] = (i + e) / -o;
	else for (let e = 0; e < s; ++e) c[e] = (i + e) * o;
	return c;
}
function $n(e, t, n) {
	return t = +t, e = +e, n = +n, Zn(e, t, n)[2];
}
function er(e, t, n) {
	t = +t, e = +e, n = +n;
	let r = t < e, i = r ? $n(t, e, n) : $n(e, t, n);
	return (r ? -1 : 1) * (i < 0 ? 1 / -i : i);
}
// node_modules/d3-scale/src/init.js
function tr(e, t) {
	switch (arguments.length) {
		case 0: break;
		case 1:
			this.range(e);
			break;
		default: this.range(t).domain(e);
	}
	return this;
}
// node_modules/d3-color/dist/d3-color.mjs
function nr(e, t, n) {
	e.prototype = t.prototype = n, n.constructor = e;
}
function rr(e, t) {
	var n = Object.create(e.prototype);
	for (var r in t) n[r] = t[r];
	return n;
}
function ir() {}
var ar = .7, or = 1 / ar, sr = "\\s*([+-]?\\d+)\\s*", cr = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)\\s*", G = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)%\\s*", lr = /^#([0-9a-f]{3,8})$/, ur = RegExp(`^rgb\\(${sr},${sr},${sr}\\)$`), dr = RegExp(`^rgb\\(${G},${G},${G}\\)$`), fr = RegExp(`^rgba\\(${sr},${sr},${sr},${cr}\\)$`), pr = RegExp(`^rgba\\(${G},${G},${G},${cr}\\)$`), mr = RegExp(`^hsl\\(${cr},${G},${G}\\)$`), hr = RegExp(`^hsla\\(${cr},${G},${G},${cr}\\)$`), gr = {
	aliceblue: 15792383,
	antiquewhite: 16444375,
	aqua: 65535,
	aquamarine: 8388564,
	azure: 15794175,
	beige: 16119260,
	bisque: 16770244,
	black: 0,
	blanchedalmond: 16772045,
	blue: 255,
	blueviolet: 9055202,
	brown: 10824234,
	burlywood: 14596231,
	cadetblue: 6266528,
	chartreuse: 8388352,
	chocolate: 13789470,
	coral: 16744272,
	cornflowerblue: 6591981,
	cornsilk: 16775388,
	crimson: 14423100,
	cyan: 65535,
	darkblue: 139,
	darkcyan: 35723,
	darkgoldenrod: 12092939,
	darkgray: 11119017,
	darkgreen: 25600,
	darkgrey: 11119017,
	darkkhaki: 12433259,
	darkmagenta: 9109643,
	darkolivegreen: 5597999,
	darkorange: 16747520,
	darkorchid: 10040012,
	darkred: 9109504,
	darksalmon: 15308410,
	darkseagreen: 9419919,
	darkslateblue: 4734347,
	darkslategray: 3100495,
	darkslategrey: 3100495,
	darkturquoise: 52945,
	darkviolet: 9699539,
	deeppink: 16716947,
	deepskyblue: 49151,
	dimgray: 6908265,
	dimgrey: 6908265,
	dodgerblue: 2003199,
	firebrick: 11674146,
	floralwhite: 16775920,
	forestgreen: 2263842,
	fuchsia: 16711935,
	gainsboro: 14474460,
	ghostwhite: 16316671,
	gold: 16766720,
	goldenrod: 14329120,
	gray: 8421504,
	green: 32768,
	greenyellow: 11403055,
	grey: 8421504,
	honeydew: 15794160,
	hotpink: 16738740,
	indianred: 13458524,
	indigo: 4915330,
	ivory: 16777200,
	khaki: 15787660,
	lavender: 15132410,
	lavenderblush: 16773365,
	lawngreen: 8190976,
	lemonchiffon: 16775885,
	lightblue: 11393254,
	lightcoral: 15761536,
	lightcyan: 14745599,
	lightgoldenrodyellow: 16448210,
	lightgray: 13882323,
	lightgreen: 9498256,
	lightgrey: 13882323,
	lightpink: 16758465,
	lightsalmon: 16752762,
	lightseagreen: 2142890,
	lightskyblue: 8900346,
	lightslategray: 7833753,
	lightslategrey: 7833753,
	lightsteelblue: 11584734,
	lightyellow: 16777184,
	lime: 65280,
	limegreen: 3329330,
	linen: 16445670,
	magenta: 16711935,
	maroon: 8388608,
	mediumaquamarine: 6737322,
	mediumblue: 205,
	mediumorchid: 12211667,
	mediumpurple: 9662683,
	mediumseagreen: 3978097,
	mediumslateblue: 8087790,
	mediumspringgreen: 64154,
	mediumturquoise: 4772300,
	mediumvioletred: 13047173,
	midnightblue: 1644912,
	mintcream: 16121850,
	mistyrose: 16770273,
	moccasin: 16770229,
	navajowhite: 16768685,
	navy: 128,
	oldlace: 16643558,
	olive: 8421376,
	olivedrab: 7048739,
	orange: 16753920,
	orangered: 16729344,
	orchid: 14315734,
	palegoldenrod: 15657130,
	palegreen: 10025880,
	paleturquoise: 11529966,
	palevioletred: 14381203,
	papayawhip: 16773077,
	peachpuff: 16767673,
	peru: 13468991,
	pink: 16761035,
	plum: 14524637,
	powderblue: 11591910,
	purple: 8388736,
	rebeccapurple: 6697881,
	red: 16711680,
	rosybrown: 12357519,
	royalblue: 4286945,
	saddlebrown: 9127187,
	salmon: 16416882,
	sandybrown: 16032864,
	seagreen: 3050327,
	seashell: 16774638,
	sienna: 10506797,
	silver: 12632256,
	skyblue: 8900331,
	slateblue: 6970061,
	slategray: 7372944,
	slategrey: 7372944,
	snow: 16775930,
	springgreen: 65407,
	steelblue: 4620980,
	tan: 13808780,
	teal: 32896,
	thistle: 14204888,
	tomato: 16737095,
	turquoise: 4251856,
	violet: 15631086,
	wheat: 16113331,
	white: 16777215,
	whitesmoke: 16119285,
	yellow: 16776960,
	yellowgreen: 10145074
};
nr(ir, xr, {
	copy(e) {
		return Object.assign(new this.constructor(), this, e);
	},
	displayable() {
		return this.rgb().displayable();
	},
	hex: _r,
	formatHex: _r,
	formatHex8: vr,
	formatHsl: yr,
	formatRgb: br,
	toString: br
});
function _r() {
	return this.rgb().formatHex();
}
function vr() {
	return this.rgb().formatHex8();
}
function yr() {
	return Nr(this).formatHsl();
}
function br() {
	return this.rgb().formatRgb();
}
function xr(e) {
	var t, n;
	return e = (e + "").trim().toLowerCase(), (t = lr.exec(e)) ? (n = t[1].length, t = parseInt(t[1], 16), n === 6 ? Sr(t) : n === 3 ? new K(t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, (t & 15) << 4 | t & 15, 1) : n === 8 ? Cr(t >> 24 & 255, t >> 16 & 255, t >> 8 & 255, (t & 255) / 255) : n === 4 ? Cr(t >> 12 & 15 | t >> 8 & 240, t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, ((t & 15) << 4 | t & 15) / 255) : null) : (t = ur.exec(e)) ? new K(t[1], t[2], t[3], 1) : (t = dr.exec(e)) ? new K(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, 1) : (t = fr.exec(e)) ? Cr(t[1], t[2], t[3], t[4]) : (t = pr.exec(e)) ? Cr(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, t[4]) : (t = mr.exec(e)) ? Mr(t[1], t[2] / 100, t[3] / 100, 1) : (t = hr.exec(e)) ? Mr(t[1], t[2] / 100, t[3] / 100, t[4]) : gr.hasOwnProperty(e) ? Sr(gr[e]) : e === "transparent" ? new K(NaN, NaN, NaN, 0) : null;
}
function Sr(e) {
	return new K(e >> 16 & 255, e >> 8 & 255, e & 255, 1);
}
function Cr(e, t, n, r) {
	return r <= 0 && (e = t = n = NaN), new K(e, t, n, r);
}
function wr(e) {
	return e instanceof ir || (e = xr(e)), e ? (e = e.rgb(), new K(e.r, e.g, e.b, e.opacity)) : new K();
}
function Tr(e, t, n, r) {
	return arguments.length === 1 ? wr(e) : new K(e, t, n, r ?? 1);
}
function K(e, t, n, r) {
	this.r = +e, this.g = +t, this.b = +n, this.opacity = +r;
}
nr(K, Tr, rr(ir, {
	brighter(e) {
		return e = e == null ? or : or ** +e, new K(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? ar : ar ** +e, new K(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	rgb() {
		return this;
	},
	clamp() {
		return new K(Ar(this.r), Ar(this.g), Ar(this.b), kr(this.opacity));
	},
	displayable() {
		return -.5 <= this.r && this.r < 255.5 && -.5 <= this.g && this.g < 255.5 && -.5 <= this.b && this.b < 255.5 && 0 <= this.opacity && this.opacity <= 1;
	},
	hex: Er,
	formatHex: Er,
	formatHex8: Dr,
	formatRgb: Or,
	toString: Or
}));
function Er() {
	return `#${jr(this.r)}${jr(this.g)}${jr(this.b)}`;
}
function Dr() {
	return `#${jr(this.r)}${jr(this.g)}${jr(this.b)}${jr((isNaN(this.opacity) ? 1 : this.opacity) * 255)}`;
}
function Or() {
	let e = kr(this.opacity);
	return `${e === 1 ? "rgb(" : "rgba("}${Ar(this.r)}, ${Ar(this.g)}, ${Ar(this.b)}${e === 1 ? ")" : `, ${e})`}`;
}
function kr(e) {
	return isNaN(e) ? 1 : Math.max(0, Math.min(1, e));
}
function Ar(e) {
	return Math.max(0, Math.min(255, Math.round(e) || 0));
}
function jr(e) {
	return e = Ar(e), (e < 16 ? "0" : "") + e.toString(16);
}
function Mr(e, t, n, r) {
	return r <= 0 ? e = t = n = NaN : n <= 0 || n >= 1 ? e = t = NaN : t <= 0 && (e = NaN), new q(e, t, n, r);
}
function Nr(e) {
	if (e instanceof q) return new q(e.h, e.s, e.l, e.opacity);
	if (e instanceof ir || (e = xr(e)), !e) return new q();
	if (e instanceof q) return e;
	e = e.rgb();
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = Math.min(t, n, r), a = Math.max(t, n, r), o = NaN, s = a - i, c = (a + i) / 2;
	return s ? (o = t === a ? (n - r) / s + (n < r) * 6 : n === a ? (r - t) / s + 2 : (t - n) / s + 4, s /= c < .5 ? a + i : 2 - a - i, o *= 60) : s = c > 0 && c < 1 ? 0 : o, new q(o, s, c, e.opacity);
}
function Pr(e, t, n, r) {
	return arguments.length === 1 ? Nr(e) : new q(e, t, n, r ?? 1);
}
function q(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
nr(q, Pr, rr(ir, {
	brighter(e) {
		return e = e == null ? or : or ** +e, new q(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? ar : ar ** +e, new q(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = this.h % 360 + (this.h < 0) * 360, t = isNaN(e) || isNaN(this.s) ? 0 : this.s, n = this.l, r = n + (n < .5 ? n : 1 - n) * t, i = 2 * n - r;
		return new K(Lr(e >= 240 ? e - 240 : e + 120, i, r), Lr(e, i, r), Lr(e < 120 ? e + 240 : e - 120, i, r), this.opacity);
	},
	clamp() {
		return new q(Fr(this.h), Ir(this.s), Ir(this.l), kr(this.opacity));
	},
	displayable() {
		return (0 <= this.s && this.s <= 1 || isNaN(this.s)) && 0 <= this.l && this.l <= 1 && 0 <= this.opacity && this.opacity <= 1;
	},
	formatHsl() {
		let e = kr(this.opacity);
		return `${e === 1 ? "hsl(" : "hsla("}${Fr(this.h)}, ${Ir(this.s) * 100}%, ${Ir(this.l) * 100}%${e === 1 ? ")" : `, ${e})`}`;
	}
}));
function Fr(e) {
	return e = (e || 0) % 360, e < 0 ? e + 360 : e;
}
function Ir(e) {
	return Math.max(0, Math.min(1, e || 0));
}
function Lr(e, t, n) {
	return (e < 60 ? t + (n - t) * e / 60 : e < 180 ? n : e < 240 ? t + (n - t) * (240 - e) / 60 : t) * 255;
}
var Rr = Math.PI / 180, zr = 180 / Math.PI, Br = 18, Vr = .96422, Hr = 1, Ur = .82521, Wr = 4 / 29, Gr = 6 / 29, Kr = 3 * Gr * Gr, qr = Gr * Gr * Gr;
function Jr(e) {
	if (e instanceof J) return new J(e.l, e.a, e.b, e.opacity);
	if (e instanceof Y) return ni(e);
	e instanceof K || (e = wr(e));
	var t = $r(e.r), n = $r(e.g), r = $r(e.b), i = Xr((.2225045 * t + .7168786 * n + .0606169 * r) / Hr), a, o;
	return t === n && n === r ? a = o = i : (a = Xr((.4360747 * t + .3850649 * n + .1430804 * r) / Vr), o = Xr((.0139322 * t + .0971045 * n + .7141733 * r) / Ur)), new J(116 * i - 16, 500 * (a - i), 200 * (i - o), e.opacity);
}
function Yr(e, t, n, r) {
	return arguments.length === 1 ? Jr(e) : new J(e, t, n, r ?? 1);
}
function J(e, t, n, r) {
	this.l = +e, this.a = +t, this.b = +n, this.opacity = +r;
}
nr(J, Yr, rr(ir, {
	brighter(e) {
		return new J(this.l + Br * (e ?? 1), this.a, this.b, this.opacity);
	},
	darker(e) {
		return new J(this.l - Br * (e ?? 1), this.a, this.b, this.opacity);
	},
	rgb() {
		var e = (this.l + 16) / 116, t = isNaN(this.a) ? e : e + this.a / 500, n = isNaN(this.b) ? e : e - this.b / 200;
		return t = Vr * Zr(t), e = Hr * Zr(e), n = Ur * Zr(n), new K(Qr(3.1338561 * t - 1.6168667 * e - .4906146 * n), Qr(-.9787684 * t + 1.9161415 * e + .033454 * n), Qr(.0719453 * t - .2289914 * e + 1.4052427 * n), this.opacity);
	}
}));
function Xr(e) {
	return e > qr ? e ** (1 / 3) : e / Kr + Wr;
}
function Zr(e) {
	return e > Gr ? e * e * e : Kr * (e - Wr);
}
function Qr(e) {
	return 255 * (e <= .0031308 ? 12.92 * e : 1.055 * e ** (1 / 2.4) - .055);
}
function $r(e) {
	return (e /= 255) <= .04045 ? e / 12.92 : ((e + .055) / 1.055) ** 2.4;
}
function ei(e) {
	if (e instanceof Y) return new Y(e.h, e.c, e.l, e.opacity);
	if (e instanceof J || (e = Jr(e)), e.a === 0 && e.b === 0) return new Y(NaN, 0 < e.l && e.l < 100 ? 0 : NaN, e.l, e.opacity);
	var t = Math.atan2(e.b, e.a) * zr;
	return new Y(t < 0 ? t + 360 : t, Math.sqrt(e.a * e.a + e.b * e.b), e.l, e.opacity);
}
function ti(e, t, n, r) {
	return arguments.length === 1 ? ei(e) : new Y(e, t, n, r ?? 1);
}
function Y(e, t, n, r) {
	this.h = +e, this.c = +t, this.l = +n, this.opacity = +r;
}
function ni(e) {
	if (isNaN(e.h)) return new J(e.l, 0, 0, e.opacity);
	var t = e.h * Rr;
	return new J(e.l, Math.cos(t) * e.c, Math.sin(t) * e.c, e.opacity);
}
nr(Y, ti, rr(ir, {
	brighter(e) {
		return new Y(this.h, this.c, this.l + Br * (e ?? 1), this.opacity);
	},
	darker(e) {
		return new Y(this.h, this.c, this.l - Br * (e ?? 1), this.opacity);
	},
	rgb() {
		return ni(this).rgb();
	}
}));
var ri = -.14861, ii = 1.78277, ai = -.29227, oi = -.90649, si = 1.97294, ci = si * oi, li = si * ii, ui = ii * ai - oi * ri;
function di(e) {
	if (e instanceof pi) return new pi(e.h, e.s, e.l, e.opacity);
	e instanceof K || (e = wr(e));
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = (ui * r + ci * t - li * n) / (ui + ci - li), a = r - i, o = (si * (n - i) - ai * a) / oi, s = Math.sqrt(o * o + a * a) / (si * i * (1 - i)), c = s ? Math.atan2(o, a) * zr - 120 : NaN;
	return new pi(c < 0 ? c + 360 : c, s, i, e.opacity);
}
function fi(e, t, n, r) {
	return arguments.length === 1 ? di(e) : new pi(e, t, n, r ?? 1);
}
function pi(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
nr(pi, fi, rr(ir, {
	brighter(e) {
		return e = e == null ? or : or ** +e, new pi(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? ar : ar ** +e, new pi(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = isNaN(this.h) ? 0 : (this.h + 120) * Rr, t = +this.l, n = isNaN(this.s) ? 0 : this.s * t * (1 - t), r = Math.cos(e), i = Math.sin(e);
		return new K(255 * (t + n * (ri * r + ii * i)), 255 * (t + n * (ai * r + oi * i)), 255 * (t + si * r * n), this.opacity);
	}
}));
var mi = (e) => () => e;
function hi(e, t) {
	return function(n) {
		return e + n * t;
	};
}
function gi(e, t, n) {
	return e **= +n, t = t ** +n - e, n = 1 / n, function(r) {
		return (e + r * t) ** +n;
	};
}
function _i(e, t) {
	var n = t - e;
	return n ? hi(e, n > 180 || n < -180 ? n - 360 * Math.round(n / 360) : n) : mi(isNaN(e) ? t : e);
}
function vi(e) {
	return (e = +e) == 1 ? yi : function(t, n) {
		return n - t ? gi(t, n, e) : mi(isNaN(t) ? n : t);
	};
}
function yi(e, t) {
	var n = t - e;
	return n ? hi(e, n) : mi(isNaN(e) ? t : e);
}
var bi = (function e(t) {
	var n = vi(t);
	function r(e, t) {
		var r = n((e = Tr(e)).r, (t = Tr(t)).r), i = n(e.g, t.g), a = n(e.b, t.b), o = yi(e.opacity, t.opacity);
		return function(t) {
			return e.r = r(t), e.g = i(t), e.b = a(t), e.opacity = o(t), e + "";
		};
	}
	return r.gamma = e, r;
})(1);
function xi(e, t) {
	t ||= [];
	var n = e ? Math.min(t.length, e.length) : 0, r = t.slice(), i;
	return function(a) {
		for (i = 0; i < n; ++i) r[i] = e[i] * (1 - a) + t[i] * a;
		return r;
	};
}
function Si(e) {
	return ArrayBuffer.isView(e) && !(e instanceof DataView);
}
function Ci(e, t) {
	for (var n = t ? t.length : 0, r = e ? Math.min(n, e.length) : 0, i = Array(r), a = Array(n), o = 0; o < r; ++o) i[o] = Mi(e[o], t[o]);
	for (; o < n; ++o) a[o] = t[o];
	return function(e) {
		for (o = 0; o < r; ++o) a[o] = i[o](e);
		return a;
	};
}
function wi(e, t) {
	var n = /* @__PURE__ */ new Date();
	return e = +e, t = +t, function(r) {
		return n.setTime(e * (1 - r) + t * r), n;
	};
}
function Ti(e, t) {
	return e = +e, t = +t, function(n) {
		return e * (1 - n) + t * n;
	};
}
function Ei(e, t) {
	var n = {}, r = {}, i;
	for (i in typeof e == "object" && e || (e = {}), typeof t == "object" && t || (t = {}), t) i in e ? n[i] = Mi(e[i], t[i]) : r[i] = t[i];
	return function(e) {
		for (i in n) r[i] = n[i](e);
		return r;
	};
}
var Di = /[-+]?(?:\d+\.?\d*|\.?\d+)(?:[eE][-+]?\d+)?/g, Oi = new RegExp(Di.source, "g");
function ki(e) {
	return function() {
		return e;
	};
}
function Ai(e) {
	return function(t) {
		return e(t) + "";
	};
}
function ji(e, t) {
	var n = Di.lastIndex = Oi.lastIndex = 0, r, i, a, o = -1, s = [], c = [];
	for (e += "", t += ""; (r = Di.exec(e)) && (i = Oi.exec(t));) (a = i.index) > n && (a = t.slice(n, a), s[o] ? s[o] += a : s[++o] = a), (r = r[0]) === (i = i[0]) ? s[o] ? s[o] += i : s[++o] = i : (s[++o] = null, c.push({
		i: o,
		x: Ti(r, i)
	})), n = Oi.lastIndex;
	return n < t.length && (a = t.slice(n), s[o] ? s[o] += a : s[++o] = a), s.length < 2 ? c[0] ? Ai(c[0].x) : ki(t) : (t = c.length, function(e) {
		for (var n = 0, r; n < t; ++n) s[(r = c[n]).i] = r.x(e);
		return s.join("");
	});
}
function Mi(e, t) {
	var n = typeof t, r;
	return t == null || n === "boolean" ? mi(t) : (n === "number" ? Ti : n === "string" ? (r = xr(t)) ? (t = r, bi) : ji : t instanceof xr ? bi : t instanceof Date ? wi : Si(t) ? xi : Array.isArray(t) ? Ci : typeof t.valueOf != "function" && typeof t.toString != "function" || isNaN(t) ? Ei : Ti)(e, t);
}
function Ni(e, t) {
	return e = +e, t = +t, function(n) {
		return Math.round(e * (1 - n) + t * n);
	};
}
var Pi = 1e-12;
function Fi(e) {
	return ((e = Math.exp(e)) + 1 / e) / 2;
}
function Ii(e) {
	return ((e = Math.exp(e)) - 1 / e) / 2;
}
function Li(e) {
	return ((e = Math.exp(2 * e)) - 1) / (e + 1);
}
(function e(t, n, r) {
	function i(e, i) {
		var a = e[0], o = e[1], s = e[2], c = i[0], l = i[1], u = i[2], d = c - a, f = l - o, p = d * d + f * f, m, h;
		if (p < Pi) h = Math.log(u / s) / t, m = function(e) {
			return [
				a + e * d,
				o + e * f,
				s * Math.exp(t * e * h)
			];
		};
		else {
			var g = Math.sqrt(p), _ = (u * u - s * s + r * p) / (2 * s * n * g), v = (u * u - s * s - r * p) / (2 * u * n * g), y = Math.log(Math.sqrt(_ * _ + 1) - _);
			h = (Math.log(Math.sqrt(v * v + 1) - v) - y) / t, m = function(e) {
				var r = e * h, i = Fi(y), c = s / (n * g) * (i * Li(t * r + y) - Ii(y));
				return [
					a + c * d,
					o + c * f,
					s * i / Fi(t * r + y)
				];
			};
		}
		return m.duration = Math.abs(h) * 1e3 * t / Math.SQRT2, m;
	}
	return i.rho = function(t) {
		var n = Math.max(.001, +t), r = n * n;
		return e(n, r, r * r);
	}, i;
})(Math.SQRT2, 2, 4);
function Ri(e) {
	return (function t(n) {
		n = +n;
		function r(t, r) {
			var i = e((t = fi(t)).h, (r = fi(r)).h), a = yi(t.s, r.s), o = yi(t.l, r.l), s = yi(t.opacity, r.opacity);
			return function(e) {
				return t.h = i(e), t.s = a(e), t.l = o(e ** +n), t.opacity = s(e), t + "";
			};
		}
		return r.gamma = t, r;
	})(1);
}
Ri(_i), Ri(yi);
// node_modules/d3-scale/src/constant.js
function zi(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-scale/src/number.js
function Bi(e) {
	return +e;
}
// node_modules/d3-scale/src/continuous.js
var Vi = [0, 1];
function Hi(e) {
	return e;
}
function Ui(e, t) {
	return (t -= e = +e) ? function(n) {
		return (n - e) / t;
	} : zi(isNaN(t) ? NaN : .5);
}
function Wi(e, t) {
	var n;
	return e > t && (n = e, e = t, t = n), function(n) {
		return Math.max(e, Math.min(t, n));
	};
}
function Gi(e, t, n) {
	var r = e[0], i = e[1], a = t[0], o = t[1];
	return i < r ? (r = Ui(i, r), a = n(o, a)) : (r = Ui(r, i), a = n(a, o)), function(e) {
		return a(r(e));
	};
}
function Ki(e, t, n) {
	var r = Math.min(e.length, t.length) - 1, i = Array(r), a = Array(r), o = -1;
	for (e[r] < e[0] && (e = e.slice().reverse(), t = t.slice().reverse()); ++o < r;) i[o] = Ui(e[o], e[o + 1]), a[o] = n(t[o], t[o + 1]);
	return function(t) {
		var n = Kn(e, t, 1, r) - 1;
		return a[n](i[n](t));
	};
}
function qi(e, t) {
	return t.domain(e.domain()).range(e.range()).interpolate(e.interpolate()).clamp(e.clamp()).unknown(e.unknown());
}
function Ji() {
	var e = Vi, t = Vi, n = Mi, r, i, a, o = Hi, s, c, l;
	function u() {
		var n = Math.min(e.length, t.length);
		return o !== Hi && (o = Wi(e[0], e[n - 1])), s = n > 2 ? Ki : Gi, c = l = null, d;
	}
	function d(i) {
		return i == null || isNaN(i = +i) ? a : (c ||= s(e.map(r), t, n))(r(o(i)));
	}
	return d.invert = function(n) {
		return o(i((l ||= s(t, e.map(r), Ti))(n)));
	}, d.domain = function(t) {
		return arguments.length ? (e = Array.from(t, Bi), u()) : e.slice();
	}, d.range = function(e) {
		return arguments.length ? (t = Array.from(e), u()) : t.slice();
	}, d.rangeRound = function(e) {
		return t = Array.from(e), n = Ni, u();
	}, d.clamp = function(e) {
		return arguments.length ? (o = e ? !0 : Hi, u()) : o !== Hi;
	}, d.interpolate = function(e) {
		return arguments.length ? (n = e, u()) : n;
	}, d.unknown = function(e) {
		return arguments.length ? (a = e, d) : a;
	}, function(e, t) {
		return r = e, i = t, u();
	};
}
function Yi() {
	return Ji()(Hi, Hi);
}
// node_modules/d3-format/dist/d3-format.mjs
function Xi(e) {
	return Math.abs(e = Math.round(e)) >= 1e21 ? e.toLocaleString("en").replace(/,/g, "") : e.toString(10);
}
function Zi(e, t) {
	if (!isFinite(e) || e === 0) return null;
	var n = (e = t ? e.toExponential(t - 1) : e.toExponential()).indexOf("e"), r = e.slice(0, n);
	return [r.length > 1 ? r[0] + r.slice(2) : r, +e.slice(n + 1)];
}
function Qi(e) {
	return e = Zi(Math.abs(e)), e ? e[1] : NaN;
}
function $i(e, t) {
	return function(n, r) {
		for (var i = n.length, a = [], o = 0, s = e[0], c = 0; i > 0 && s > 0 && (c + s + 1 > r && (s = Math.max(1, r - c)), a.push(n.substring(i -= s, i + s)), !((c += s + 1) > r));) s = e[o = (o + 1) % e.length];
		return a.reverse().join(t);
	};
}
function ea(e) {
	return function(t) {
		return t.replace(/[0-9]/g, function(t) {
			return e[+t];
		});
	};
}
var ta = /^(?:(.)?([<>=^]))?([+\-( ])?([$#])?(0)?(\d+)?(,)?(\.\d+)?(~)?([a-z%])?$/i;
function na(e) {
	if (!(t = ta.exec(e))) throw Error("invalid format: " + e);
	var t;
	return new ra({
		fill: t[1],
		align: t[2],
		sign: t[3],
		symbol: t[4],
		zero: t[5],
		width: t[6],
		comma: t[7],
		precision: t[8] && t[8].slice(1),
		trim: t[9],
		type: t[10]
	});
}
na.prototype = ra.prototype;
function ra(e) {
	this.fill = e.fill === void 0 ? " " : e.fill + "", this.align = e.align === void 0 ? ">" : e.align + "", this.sign = e.sign === void 0 ? "-" : e.sign + "", this.symbol = e.symbol === void 0 ? "" : e.symbol + "", this.zero = !!e.zero, this.width = e.width === void 0 ? void 0 : +e.width, this.comma = !!e.comma, this.precision = e.precision === void 0 ? void 0 : +e.precision, this.trim = !!e.trim, this.type = e.type === void 0 ? "" : e.type + "";
}
ra.prototype.toString = function() {
	return this.fill + this.align + this.sign + this.symbol + (this.zero ? "0" : "") + (this.width === void 0 ? "" : Math.max(1, this.width | 0)) + (this.comma ? "," : "") + (this.precision === void 0 ? "" : "." + Math.max(0, this.precision | 0)) + (this.trim ? "~" : "") + this.type;
};
function ia(e) {
	out: for (var t = e.length, n = 1, r = -1, i; n < t; ++n) switch (e[n]) {
		case ".":
			r = i = n;
			break;
		case "0":
			r === 0 && (r = n), i = n;
			break;
		default:
			if (!+e[n]) break out;
			r > 0 && (r = 0);
	}
	return r > 0 ? e.slice(0, r) + e.slice(i + 1) : e;
}
var aa;
function oa(e, t) {
	var n = Zi(e, t);
	if (!n) return aa = void 0, e.toPrecision(t);
	var r = n[0], i = n[1], a = i - (aa = Math.max(-8, Math.min(8, Math.floor(i / 3))) * 3) + 1, o = r.length;
	return a === o ? r : a > o ? r + Array(a - o + 1).join("0") : a > 0 ? r.slice(0, a) + "." + r.slice(a) : "0." + Array(1 - a).join("0") + Zi(e, Math.max(0, t + a - 1))[0];
}
function sa(e, t) {
	var n = Zi(e, t);
	if (!n) return e + "";
	var r = n[0], i = n[1];
	return i < 0 ? "0." + Array(-i).join("0") + r : r.length > i + 1 ? r.slice(0, i + 1) + "." + r.slice(i + 1) : r + Array(i - r.length + 2).join("0");
}
var ca = {
	"%": (e, t) => (e * 100).toFixed(t),
	b: (e) => Math.round(e).toString(2),
	c: (e) => e + "",
	d: Xi,
	e: (e, t) => e.toExponential(t),
	f: (e, t) => e.toFixed(t),
	g: (e, t) => e.toPrecision(t),
	o: (e) => Math.round(e).toString(8),
	p: (e, t) => sa(e * 100, t),
	r: sa,
	s: oa,
	X: (e) => Math.round(e).toString(16).toUpperCase(),
	x: (e) => Math.round(e).toString(16)
};
function la(e) {
	return e;
}
var ua = Array.prototype.map, da = [
	"y",
	"z",
	"a",
	"f",
	"p",
	"n",
	"µ",
	"m",
	"",
	"k",
	"M",
	"G",
	"T",
	"P",
	"E",
	"Z",
	"Y"
];
function fa(e) {
	var t = e.grouping === void 0 || e.thousands === void 0 ? la : $i(ua.call(e.grouping, Number), e.thousands + ""), n = e.currency === void 0 ? "" : e.currency[0] + "", r = e.currency === void 0 ? "" : e.currency[1] + "", i = e.decimal === void 0 ? "." : e.decimal + "", a = e.numerals === void 0 ? la : ea(ua.call(e.numerals, String)), o = e.percent === void 0 ? "%" : e.percent + "", s = e.minus === void 0 ? "−" : e.minus + "", c = e.nan === void 0 ? "NaN" : e.nan + "";
	function l(e, l) {
		e = na(e);
		var u = e.fill, d = e.align, f = e.sign, p = e.symbol, m = e.zero, h = e.width, g = e.comma, _ = e.precision, v = e.trim, y = e.type;
		y === "n" ? (g = !0, y = "g") : ca[y] || (_ === void 0 && (_ = 12), v = !0, y = "g"), (m || u === "0" && d === "=") && (m = !0, u = "0", d = "=");
		var b = (l && l.prefix !== void 0 ? l.prefix : "") + (p === "$" ? n : p === "#" && /[boxX]/.test(y) ? "0" + y.toLowerCase() : ""), x = (p === "$" ? r : /[%p]/.test(y) ? o : "") + (l && l.suffix !== void 0 ? l.suffix : ""), S = ca[y], ee = /[defgprs%]/.test(y);
		_ = _ === void 0 ? 6 : /[gprs]/.test(y) ? Math.max(1, Math.min(21, _)) : Math.max(0, Math.min(20, _));
		function C(e) {
			var n = b, r = x, o, l, p;
			if (y === "c") r = S(e) + r, e = "";
			else {
				e = +e;
				var C = e < 0 || 1 / e < 0;
				if (e = isNaN(e) ? c : S(Math.abs(e), _), v && (e = ia(e)), C && +e == 0 && f !== "+" && (C = !1), n = (C ? f === "(" ? f : s : f === "-" || f === "(" ? "" : f) + n, r = (y === "s" && !isNaN(e) && aa !== void 0 ? da[8 + aa / 3] : "") + r + (C && f === "(" ? ")" : ""), ee) {
					for (o = -1, l = e.length; ++o < l;) if (p = e.charCodeAt(o), 48 > p || p > 57) {
						r = (p === 46 ? i + e.slice(o + 1) : e.slice(o)) + r, e = e.slice(0, o);
						break;
					}
				}
			}
			g && !m && (e = t(e, Infinity));
			var w = n.length + e.length + r.length, T = w < h ? Array(h - w + 1).join(u) : "";
			switch (g && m && (e = t(T + e, T.length ? h - r.length : Infinity), T = ""), d) {
				case "<":
					e = n + e + r + T;
					break;
				case "=":
					e = n + T + e + r;
					break;
				case "^":
					e = T.slice(0, w = T.length >> 1) + n + e + r + T.slice(w);
					break;
				default: e = T + n + e + r;
			}
			return a(e);
		}
		return C.toString = function() {
			return e + "";
		}, C;
	}
	function u(e, t) {
		var n = Math.max(-8, Math.min(8, Math.floor(Qi(t) / 3))) * 3, r = 10 ** -n, i = l((e = na(e), e.type = "f", e), { suffix: da[8 + n / 3] });
		return function(e) {
			return i(r * e);
		};
	}
	return {
		format: l,
		formatPrefix: u
	};
}
var pa, ma, ha;
ga({
	thousands: ",",
	grouping: [3],
	currency: ["$", ""]
});
function ga(e) {
	return pa = fa(e), ma = pa.format, ha = pa.formatPrefix, pa;
}
function _a(e) {
	return Math.max(0, -Qi(Math.abs(e)));
}
function va(e, t) {
	return Math.max(0, Math.max(-8, Math.min(8, Math.floor(Qi(t) / 3))) * 3 - Qi(Math.abs(e)));
}
function ya(e, t) {
	return e = Math.abs(e), t = Math.abs(t) - e, Math.max(0, Qi(t) - Qi(e)) + 1;
}
// node_modules/d3-scale/src/tickFormat.js
function ba(e, t, n, r) {
	var i = er(e, t, n), a;
	switch (r = na(r ?? ",f"), r.type) {
		case "s":
			var o = Math.max(Math.abs(e), Math.abs(t));
			return r.precision == null && !isNaN(a = va(i, o)) && (r.precision = a), ha(r, o);
		case "":
		case "e":
		case "g":
		case "p":
		case "r":
			r.precision == null && !isNaN(a = ya(i, Math.max(Math.abs(e), Math.abs(t)))) && (r.precision = a - (r.type === "e"));
			break;
		case "f":
		case "%": r.precision == null && !isNaN(a = _a(i)) && (r.precision = a - (r.type === "%") * 2);
	}
	return ma(r);
}
// node_modules/d3-scale/src/linear.js
function xa(e) {
	var t = e.domain;
	return e.ticks = function(e) {
		var n = t();
		return Qn(n[0], n[n.length - 1], e ?? 10);
	}, e.tickFormat = function(e, n) {
		var r = t();
		return ba(r[0], r[r.length - 1], e ?? 10, n);
	}, e.nice = function(n) {
		n ??= 10;
		var r = t(), i = 0, a = r.length - 1, o = r[i], s = r[a], c, l, u = 10;
		for (s < o && (l = o, o = s, s = l, l = i, i = a, a = l); u-- > 0;) {
			if (l = $n(o, s, n), l === c) return r[i] = o, r[a] = s, t(r);
			if (l > 0) o = Math.floor(o / l) * l, s = Math.ceil(s / l) * l;
			else if (l < 0) o = Math.ceil(o * l) / l, s = Math.floor(s * l) / l;
			else break;
			c = l;
		}
		return e;
	}, e;
}
function Sa() {
	var e = Yi();
	return e.copy = function() {
		return qi(e, Sa());
	}, tr.apply(e, arguments), xa(e);
}
// node_modules/d3-scale/src/nice.js
function Ca(e, t) {
	e = e.slice();
	var n = 0, r = e.length - 1, i = e[n], a = e[r], o;
	return a < i && (o = n, n = r, r = o, o = i, i = a, a = o), e[n] = t.floor(i), e[r] = t.ceil(a), e;
}
// node_modules/d3-scale/src/log.js
function wa(e) {
	return Math.log(e);
}
function Ta(e) {
	return Math.exp(e);
}
function Ea(e) {
	return -Math.log(-e);
}
function Da(e) {
	return -Math.exp(-e);
}
function Oa(e) {
	return isFinite(e) ? +("1e" + e) : e < 0 ? 0 : e;
}
function ka(e) {
	return e === 10 ? Oa : e === Math.E ? Math.exp : (t) => e ** +t;
}
function Aa(e) {
	return e === Math.E ? Math.log : e === 10 && Math.log10 || e === 2 && Math.log2 || (e = Math.log(e), (t) => Math.log(t) / e);
}
function ja(e) {
	return (t, n) => -e(-t, n);
}
function Ma(e) {
	let t = e(wa, Ta), n = t.domain, r = 10, i, a;
	function o() {
		return i = Aa(r), a = ka(r), n()[0] < 0 ? (i = ja(i), a = ja(a), e(Ea, Da)) : e(wa, Ta), t;
	}
	return t.base = function(e) {
		return arguments.length ? (r = +e, o()) : r;
	}, t.domain = function(e) {
		return arguments.length ? (n(e), o()) : n();
	}, t.ticks = (e) => {
		let t = n(), o = t[0], s = t[t.length - 1], c = s < o;
		c && ([o, s] = [s, o]);
		let l = i(o), u = i(s), d, f, p = e == null ? 10 : +e, m = [];
		if (!(r % 1) && u - l < p) {
			if (l = Math.floor(l), u = Math.ceil(u), o > 0) {
				for (; l <= u; ++l) for (d = 1; d < r; ++d) if (f = l < 0 ? d / a(-l) : d * a(l), !(f < o)) {
					if (f > s) break;
					m.push(f);
				}
			} else for (; l <= u; ++l) for (d = r - 1; d >= 1; --d) if (f = l > 0 ? d / a(-l) : d * a(l), !(f < o)) {
				if (f > s) break;
				m.push(f);
			}
			m.length * 2 < p && (m = Qn(o, s, p));
		} else m = Qn(l, u, Math.min(u - l, p)).map(a);
		return c ? m.reverse() : m;
	}, t.tickFormat = (e, n) => {
		if (e ??= 10, n ??= r === 10 ? "s" : ",", typeof n != "function" && (!(r % 1) && (n = na(n)).precision == null && (n.trim = !0), n = ma(n)), e === Infinity) return n;
		let o = Math.max(1, r * e / t.ticks().length);
		return (e) => {
			let t = e / a(Math.round(i(e)));
			return t * r < r - .5 && (t *= r), t <= o ? n(e) : "";
		};
	}, t.nice = () => n(Ca(n(), {
		floor: (e) => a(Math.floor(i(e))),
		ceil: (e) => a(Math.ceil(i(e)))
	})), t;
}
function Na() {
	let e = Ma(Ji()).domain([1, 10]);
	return e.copy = () => qi(e, Na()).base(e.base()), tr.apply(e, arguments), e;
}
// node_modules/d3-shape/src/constant.js
function X(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-path/dist/d3-path.mjs
var Pa = Math.PI, Fa = 2 * Pa, Ia = 1e-6, La = Fa - Ia;
function Ra(e) {
	this._ += e[0];
	for (let t = 1, n = e.length; t < n; ++t) this._ += arguments[t] + e[t];
}
function za(e) {
	let t = Math.floor(e);
	if (!(t >= 0)) throw Error(`invalid digits: ${e}`);
	if (t > 15) return Ra;
	let n = 10 ** t;
	return function(e) {
		this._ += e[0];
		for (let t = 1, r = e.length; t < r; ++t) this._ += Math.round(arguments[t] * n) / n + e[t];
	};
}
function Ba(e, t, n, r) {
	return e === n && t === r;
}
function Va(e) {
	let t = Math.floor(e);
	if (!(t <= 15)) return Ba;
	let n = 10 ** t, r = function(e) {
		return Math.round(e * n);
	};
	return function(e, t, n, i) {
		return r(e) === r(n) && r(t) === r(i);
	};
}
var Ha = class {
	constructor(e) {
		this._x0 = this._y0 = this._x1 = this._y1 = null, this._ = "", this._append = e == null ? Ra : za(e), this._equal = e == null ? Ba : Va(e);
	}
	moveTo(e, t) {
		this._append`M${this._x0 = this._x1 = +e},${this._y0 = this._y1 = +t}`;
	}
	closePath() {
		this._x1 !== null && (this._x1 = this._x0, this._y1 = this._y0, this._append`Z`);
	}
	lineTo(e, t) {
		this._append`L${this._x1 = +e},${this._y1 = +t}`;
	}
	quadraticCurveTo(e, t, n, r) {
		this._append`Q${+e},${+t},${this._x1 = +n},${this._y1 = +r}`;
	}
	bezierCurveTo(e, t, n, r, i, a) {
		this._append`C${+e},${+t},${+n},${+r},${this._x1 = +i},${this._y1 = +a}`;
	}
	arcTo(e, t, n, r, i) {
		if (e = +e, t = +t, n = +n, r = +r, i = +i, i < 0) throw Error(`negative radius: ${i}`);
		let a = this._x1, o = this._y1, s = n - e, c = r - t, l = a - e, u = o - t, d = l * l + u * u;
		if (this._x1 === null) this._append`M${this._x1 = e},${this._y1 = t}`;
		else if (d > Ia) {
			if (!(Math.abs(u * s - c * l) > Ia) || !i) this._append`L${this._x1 = e},${this._y1 = t}`;
			else {
				let f = n - a, p = r - o, m = s * s + c * c, h = f * f + p * p, g = Math.sqrt(m), _ = Math.sqrt(d), v = i * Math.tan((Pa - Math.acos((m + d - h) / (2 * g * _))) / 2), y = v / _, b = v / g;
				Math.abs(y - 1) > Ia && this._append`L${e + y * l},${t + y * u}`, this._append`A${i},${i},0,0,${+(u * f > l * p)},${this._x1 = e + b * s},${this._y1 = t + b * c}`;
			}
		}
	}
	arc(e, t, n, r, i, a) {
		if (e = +e, t = +t, n = +n, a = !!a, n < 0) throw Error(`negative radius: ${n}`);
		let o = n * Math.cos(r), s = n * Math.sin(r), c = e + o, l = t + s, u = 1 ^ a, d = a ? r - i : i - r;
		if (this._x1 === null ? this._append`M${c},${l}` : (Math.abs(this._x1 - c) > Ia || Math.abs(this._y1 - l) > Ia) && this._append`L${c},${l}`, n) {
			if (d < 0 && (d = d % Fa + Fa), d > La) this._append`A${n},${n},0,1,${u},${e - o},${t - s}A${n},${n},0,1,${u},${this._x1 = c},${this._y1 = l}`;
			else if (d > Ia) {
				let a = e + n * Math.cos(i), o = t + n * Math.sin(i);
				if (d >= Pa && this._equal(c, l, a, o)) {
					d /= 2;
					let i = r + d;
					this._append`A${n},${n},0,${+(d >= Pa)},${u},${e + n * Math.cos(i)},${t + n * Math.sin(i)}`;
				}
				this._append`A${n},${n},0,${+(d >= Pa)},${u},${this._x1 = a},${this._y1 = o}`;
			}
		}
	}
	rect(e, t, n, r) {
		this._append`M${this._x0 = this._x1 = +e},${this._y0 = this._y1 = +t}h${n = +n}v${+r}h${-n}Z`;
	}
	toString() {
		return this._;
	}
};
Ha.prototype;
// node_modules/d3-shape/src/path.js
function Ua(e) {
	let t = 3;
	return e.digits = function(n) {
		if (!arguments.length) return t;
		if (n == null) t = null;
		else {
			let e = Math.floor(n);
			if (!(e >= 0)) throw RangeError(`invalid digits: ${n}`);
			t = e;
		}
		return e;
	}, () => new Ha(t);
}
Array.prototype.slice;
function Wa(e) {
	return typeof e == "object" && "length" in e ? e : Array.from(e);
}
// node_modules/d3-shape/src/curve/linear.js
function Ga(e) {
	this._context = e;
}
Ga.prototype = {
	areaStart: function() {
		this._line = 0;
	},
	areaEnd: function() {
		this._line = NaN;
	},
	lineStart: function() {
		this._point = 0;
	},
	lineEnd: function() {
		(this._line || this._line !== 0 && this._point === 1) && this._context.closePath(), this._line = 1 - this._line;
	},
	point: function(e, t) {
		switch (e = +e, t = +t, this._point) {
			case 0:
				this._point = 1, this._line ? this._context.lineTo(e, t) : this._context.moveTo(e, t);
				break;
			case 1: this._point = 2;
			default: this._context.lineTo(e, t);
		}
	}
};
function Ka(e) {
	return new Ga(e);
}
// node_modules/d3-shape/src/point.js
function qa(e) {
	return e[0];
}
function Ja(e) {
	return e[1];
}
// node_modules/d3-shape/src/line.js
function Ya(e, t) {
	var n = X(!0), r = null, i = Ka, a = null, o = Ua(s);
	e = typeof e == "function" ? e : e === void 0 ? qa : X(e), t = typeof t == "function" ? t : t === void 0 ? Ja : X(t);
	function s(s) {
		var c, l = (s = Wa(s)).length, u, d = !1, f;
		for (r ?? (a = i(f = o())), c = 0; c <= l; ++c) !(c < l && n(u = s[c], c, s)) === d && ((d = !d) ? a.lineStart() : a.lineEnd()), d && a.point(+e(u, c, s), +t(u, c, s));
		if (f) return a = null, f + "" || null;
	}
	return s.x = function(t) {
		return arguments.length ? (e = typeof t == "function" ? t : X(+t), s) : e;
	}, s.y = function(e) {
		return arguments.length ? (t = typeof e == "function" ? e : X(+e), s) : t;
	}, s.defined = function(e) {
		return arguments.length ? (n = typeof e == "function" ? e : X(!!e), s) : n;
	}, s.curve = function(e) {
		return arguments.length ? (i = e, r != null && (a = i(r)), s) : i;
	}, s.context = function(e) {
		return arguments.length ? (e == null ? r = a = null : a = i(r = e), s) : r;
	}, s;
}
// node_modules/d3-shape/src/area.js
function Xa(e, t, n) {
	var r = null, i = X(!0), a = null, o = Ka, s = null, c = Ua(l);
	e = typeof e == "function" ? e : e === void 0 ? qa : X(+e), t = typeof t == "function" ? t : X(t === void 0 ? 0 : +t), n = typeof n == "function" ? n : n === void 0 ? Ja : X(+n);
	function l(l) {
		var u, d, f, p = (l = Wa(l)).length, m, h = !1, g, _ = Array(p), v = Array(p);
		for (a ?? (s = o(g = c())), u = 0; u <= p; ++u) {
			if (!(u < p && i(m = l[u], u, l)) === h) {
				if (h = !h) d = u, s.areaStart(), s.lineStart();
				else {
					for (s.lineEnd(), s.lineStart(), f = u - 1; f >= d; --f) s.point(_[f], v[f]);
					s.lineEnd(), s.areaEnd();
				}
			}
			h && (_[u] = +e(m, u, l), v[u] = +t(m, u, l), s.point(r ? +r(m, u, l) : _[u], n ? +n(m, u, l) : v[u]));
		}
		if (g) return s = null, g + "" || null;
	}
	function u() {
		return Ya().defined(i).curve(o).context(a);
	}
	return l.x = function(t) {
		return arguments.length ? (e = typeof t == "function" ? t : X(+t), r = null, l) : e;
	}, l.x0 = function(t) {
		return arguments.length ? (e = typeof t == "function" ? t : X(+t), l) : e;
	}, l.x1 = function(e) {
		return arguments.length ? (r = e == null ? null : typeof e == "function" ? e : X(+e), l) : r;
	}, l.y = function(e) {
		return arguments.length ? (t = typeof e == "function" ? e : X(+e), n = null, l) : t;
	}, l.y0 = function(e) {
		return arguments.length ? (t = typeof e == "function" ? e : X(+e), l) : t;
	}, l.y1 = function(e) {
		return arguments.length ? (n = e == null ? null : typeof e == "function" ? e : X(+e), l) : n;
	}, l.lineX0 = l.lineY0 = function() {
		return u().x(e).y(t);
	}, l.lineY1 = function() {
		return u().x(e).y(n);
	}, l.lineX1 = function() {
		return u().x(r).y(t);
	}, l.defined = function(e) {
		return arguments.length ? (i = typeof e == "function" ? e : X(!!e), l) : i;
	}, l.curve = function(e) {
		return arguments.length ? (o = e, a != null && (s = o(a)), l) : o;
	}, l.context = function(e) {
		return arguments.length ? (e == null ? a = s = null : s = o(a = e), l) : a;
	}, l;
}
// src/parts/lineChart.ts
var Z = {
	left: 56,
	right: 16,
	top: 24,
	bottom: 38
};
function Za(e = 240) {
	let t = v("title"), n = v("g"), r = v("svg", {
		viewBox: `0 0 640 ${e}`,
		class: "chart line-chart",
		role: "img"
	}, t, n), i = 640, a = null, o = hn(r, e, (e) => {
		i = e, a && s(a);
	});
	function s(r) {
		a = r;
		let o = r.series.flatMap((e) => e.points);
		if (o.length === 0) {
			x(n);
			return;
		}
		let [s, c] = to(qn(o, (e) => e.x), 0), [l, u] = to(qn(o.flatMap((e) => [
			e.y,
			e.low ?? e.y,
			e.high ?? e.y
		])), .06), d = Sa([s, c], [Z.left, i - Z.right]), f = Sa([r.yFrom ?? l, r.yTo ?? u], [e - Z.bottom, Z.top]), p = r.ticks ?? d.ticks(Math.max(3, Math.round(i / 90))).map((e) => [e, R(e)]);
		S(t, `${r.title}. ${r.series.filter((e) => !e.thin).map(eo).join(". ")}`), x(n, r.region ? v("rect", {
			class: "region",
			x: d(r.region[0]) - 5,
			y: Z.top,
			width: d(r.region[1]) - d(r.region[0]) + 10,
			height: e - Z.top - Z.bottom,
			rx: 4
		}) : null, ...f.ticks(5).flatMap((e) => [v("line", {
			class: "grid",
			x1: Z.left,
			x2: i - Z.right,
			y1: f(e),
			y2: f(e)
		}), v("text", {
			x: Z.left - 6,
			y: f(e) + 4,
			"text-anchor": "end"
		}, R(e))]), ...p.map(([t, n]) => v("text", {
			x: d(t),
			y: e - Z.bottom + 16,
			"text-anchor": "middle"
		}, n)), r.mark === void 0 ? null : v("line", {
			class: "cut",
			x1: d(r.mark),
			x2: d(r.mark),
			y1: Z.top,
			y2: e - Z.bottom
		}), ...r.series.map((e) => Qa(e, d, f)), v("text", {
			x: i - Z.right,
			y: e - 4,
			"text-anchor": "end"
		}, `${r.x} →`), v("text", {
			x: 2,
			y: 12
		}, r.y));
	}
	return {
		element: r,
		draw: s,
		close: o
	};
}
function Qa(e, t, n) {
	let r = e.points.filter((e) => e.low !== void 0), i = Ya().x((e) => t(e.x)).y((e) => n(e.y)), a = Xa().x((e) => t(e.x)).y0((e) => n(e.low)).y1((e) => n(e.high));
	return v("g", { class: `ink-${e.ink}${e.thin ? " thin" : ""}` }, r.length > 1 ? v("path", {
		class: "series-band",
		d: a(r)
	}) : null, v("path", {
		class: "series-line",
		d: i([...e.points]),
		"stroke-dasharray": e.dashed ? "5 4" : null
	}), ...e.thin ? [] : e.points.map((r) => v("circle", {
		class: "series-dot",
		cx: t(r.x),
		cy: n(r.y),
		r: 3.5
	}, v("title", {}, $a(e, r)))));
}
function $a(e, t) {
	let n = t.low === void 0 ? "" : ` (${R(t.low)} to ${R(t.high)})`;
	return `${e.name} at ${R(t.x)}: ${R(t.y)}${n}`;
}
function eo(e) {
	return `${e.name}: ${e.points.slice(0, 30).map((e) => `${R(e.x)}: ${R(e.y)}`).join(", ")}`;
}
function to([e, t], n) {
	let r = t === e ? Math.abs(e) * .1 || 1 : (t - e) * n;
	return [e - r, t + r];
}
// src/views/distil.ts
var no = {
	hard: {
		words: "hard labels",
		ink: "raw"
	},
	soft: {
		words: "soft targets",
		ink: "accent"
	},
	hard_equal_time: {
		words: "hard labels, same time",
		ink: "second",
		dashed: !0
	}
};
function ro(e, t) {
	let { state: n } = t, r = Za(260), i = oo(e), a = _("fieldset", { class: "choices" }, _("legend", {}, "Against"), ...["steps", "seconds"].map((e) => _("label", {}, _("input", {
		type: "radio",
		name: "against",
		value: e,
		checked: (n.get("against") ?? "steps") === e,
		onchange: () => {
			n.set("against", e), o();
		}
	}), ` ${e}`)));
	function o() {
		let t = n.get("against") === "seconds", i = Object.entries(e.arms).flatMap(([e, n]) => {
			let { words: r, ink: i, dashed: a } = no[e] ?? {
				words: e,
				ink: "good"
			}, o = n.map((e) => e.curve.map(([e, n, r]) => ({
				x: t ? n : e,
				y: r
			}))), s = {
				ink: i,
				...a && { dashed: a }
			}, c = t || e === "hard_equal_time" ? null : io(o);
			return [...o.map((e, t) => ({
				...s,
				name: `${r}, seed ${n[t].seed}`,
				points: e,
				thin: c !== null
			})), ...c ? [{
				...s,
				name: `${r}, mean`,
				points: c
			}] : []];
		});
		r.draw({
			title: "Held-out loss while training",
			x: t ? "seconds of training" : "steps",
			y: "validation loss, nats a token",
			series: i
		});
	}
	return o(), {
		element: _("div", {}, _("section", {
			class: "card",
			"aria-label": "Verdict"
		}, _("h2", { class: "verdict" }, e.verdict ? `Distilling: ${e.verdict}` : "Training …"), e.verdict_reason ? _("p", {}, e.verdict_reason) : _("p", { class: "meta" }, "The verdict comes with the last seed."), e.verdict_equal_time_reason && e.arms.hard_equal_time ? _("p", { class: "meta" }, `At the same wall-clock: ${e.verdict_equal_time}. ${e.verdict_equal_time_reason}`) : null), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Both arms. "), _("span", { class: "legend" }, ...Object.keys(e.arms).map((e) => _("span", { class: `key key-${no[e]?.ink ?? "good"}` }, no[e]?.words ?? e))), a), r.element), i ? _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Paired difference, hard less soft. "), _("small", {}, "Nats a token on held-out text; right of 0 distilling gave the better student. Small dots are seeds, the bar is the interval of their mean.")), i.element) : null, _("section", {
			class: "card scroll",
			tabindex: 0,
			"aria-label": "Students"
		}, so(e))),
		close: () => {
			r.close(), i?.close();
		},
		download: {
			name: "retort-distil",
			json: () => e,
			csv: () => [[
				"arm",
				"seed",
				"step",
				"seconds",
				"validation_nats_per_token"
			], ...Object.entries(e.arms).flatMap(([e, t]) => t.flatMap((t) => t.curve.map(([n, r, i]) => [
				e,
				t.seed,
				n,
				r,
				i
			])))],
			svg: () => r.element
		}
	};
}
function io(e) {
	return e.length === 0 ? null : e[0].flatMap(({ x: t }) => {
		let n = e.map((e) => e.find((e) => e.x === t));
		return n.some((e) => e === void 0) ? [] : [{
			x: t,
			y: n.reduce((e, t) => e + t.y, 0) / e.length
		}];
	});
}
var ao = 44;
function oo(e) {
	let t = [
		["same steps, validation", e.difference],
		["same steps, test", e.difference_test],
		["same time, validation", e.difference_equal_time],
		["same time, test", e.difference_equal_time_test]
	].filter((e) => !!e[1]);
	if (t.length === 0) return null;
	let n = t.length * ao + 34, r = t.flatMap(([, e]) => [
		...e.per_seed,
		e.mean,
		...e.ci ?? [],
		0
	]), [i, a] = [Math.min(...r), Math.max(...r)], o = (a - i || .01) * .08, s = v("title"), c = v("g"), l = v("svg", {
		viewBox: `0 0 640 ${n}`,
		class: "chart difference-chart",
		role: "img"
	}, s, c);
	return S(s, t.map(([e, t]) => `${e}: ${B(t.mean)}${t.ci ? ` from ${B(t.ci[0])} to ${B(t.ci[1])}` : ""} nats a token`).join("; ")), {
		element: l,
		close: hn(l, n, (e) => {
			let r = e < 420 ? 2 : 4, s = (t) => 12 + (t - i + o) / (a - i + 2 * o) * (e - 24);
			x(c, v("line", {
				class: "cut",
				x1: s(0),
				x2: s(0),
				y1: 4,
				y2: n - 26
			}), v("text", {
				x: s(0),
				y: n - 10,
				"text-anchor": "middle"
			}, "0"), v("text", {
				x: e - 4,
				y: n - 10,
				"text-anchor": "end"
			}, "distilling better →"), ...t.map(([e, t], n) => {
				let i = n * ao + 30;
				return v("g", { class: "ink-accent" }, v("text", {
					x: 12,
					y: i - 14
				}, `${e}: ${B(t.mean, r)}${t.ci ? ` [${B(t.ci[0], r)}, ${B(t.ci[1], r)}]` : ""}`), t.ci ? v("line", {
					class: "interval",
					x1: s(t.ci[0]),
					x2: s(t.ci[1]),
					y1: i,
					y2: i
				}) : null, ...t.per_seed.map((e) => v("circle", {
					class: "seed-dot",
					cx: s(e),
					cy: i,
					r: 3
				})), v("circle", {
					class: "series-dot",
					cx: s(t.mean),
					cy: i,
					r: 5
				}));
			}));
		})
	};
}
function so(e) {
	return _("table", { class: "plain-table numeric" }, _("caption", { class: "sr" }, "Every student, its loss and what it cost"), _("thead", {}, _("tr", {}, ...[
		"student",
		"seed",
		"validation (nats)",
		"test (nats)",
		"seconds",
		"tokens seen",
		"steps"
	].map((e) => _("th", { scope: "col" }, e)))), _("tbody", {}, ...Object.entries(e.arms).flatMap(([e, t]) => t.map((t) => _("tr", {}, _("th", { scope: "row" }, no[e]?.words ?? e), _("td", { class: "figure" }, String(t.seed)), _("td", {
		class: "figure",
		title: t.val_nll === null ? null : z(t.val_nll)
	}, R(t.val_nll)), _("td", { class: "figure" }, R(t.test_nll)), _("td", { class: "figure" }, t.seconds === null ? "–" : t.seconds.toFixed(1)), _("td", { class: "figure" }, t.tokens === null ? "–" : V(t.tokens)), _("td", { class: "figure" }, t.steps === null ? "–" : V(t.steps)))))));
}
function co(e, t) {
	let n = { ...e?.arms ?? {} }, r = [...n[t.arm] ?? []], i = r.findIndex((e) => e.seed === t.seed), a = r[i] ?? {
		seed: t.seed,
		curve: [],
		val_nll: null,
		test_nll: null,
		seconds: null,
		tokens: null,
		steps: null
	}, o = {
		...a,
		curve: [...a.curve, [
			t.step,
			t.seconds,
			t.val_nll
		]],
		val_nll: t.val_nll
	};
	return i < 0 ? r.push(o) : r[i] = o, n[t.arm] = r, { arms: n };
}
// src/math/partial.ts
var lo = (e, t, n) => Math.min(Math.max(e, t), n);
function uo(e, t, n, r) {
	let i = lo(e, 0, n * t);
	if (i === 0) return {
		low: 0,
		high: 0
	};
	let a = 1 / r, o = i * t ** (a - 1), s = Math.max(n, 1) ** (1 - a) * i ** a, [c, l] = r >= 1 ? [o, s] : [s, o];
	return {
		low: c,
		high: Math.max(c, l)
	};
}
function fo({ logProbs: e, tokens: t, rounding: n }, r) {
	let i = t - e.length, a = e.reduce((e, t) => e + Math.exp(t), 0), o = Math.min(Math.exp(e[e.length - 1]) * Math.exp(n), 1), s = i * o, c = lo(1 - a * Math.exp(n), 0, s), l = lo(1 - a * Math.exp(-n), 0, s);
	return {
		low: uo(c, o, i, r).low,
		high: uo(l, o, i, r).high,
		unseen: i,
		largest: o
	};
}
function po(e, t, n, r) {
	let i = Math.exp(2 * r), a = Math.max(t, 0);
	return {
		low: e / (e + a * i + n.high * Math.exp(r)),
		high: e / (e + a / i + n.low * Math.exp(-r))
	};
}
function mo(e, t) {
	return e.logProbs.map((e) => Math.exp(e / t));
}
function ho(e, t) {
	if (t === 0) return Array.from(e.logProbs, (e, t) => Q(+(t === 0)));
	let n = mo(e, t), r = n.reduce((e, t) => e + t, 0), i = fo(e, t);
	return Array.from(n, (n) => po(n, r - n, i, e.rounding / t));
}
function go(e, t) {
	if (t === 0) return Array.from(e.logProbs, () => Q(1));
	let n = mo(e, t), r = n.reduce((e, t) => e + t, 0), i = fo(e, t), a = 0;
	return Array.from(n, (n) => (a += n, po(a, r - a, i, e.rounding / t)));
}
function _o(e, t) {
	let n = go(e, t).at(-1);
	return {
		low: Math.max(1 - n.high, 0),
		high: Math.max(1 - n.low, 0)
	};
}
function vo(e, t) {
	if (t === 0) return 0;
	let n = ho(e, t).at(-1).high;
	return Math.min(n * Math.exp(2 * e.rounding / t), _o(e, t).high);
}
function yo(e, t) {
	if (t === 0) return Q(0);
	let n = fo(e, t), r = 0, i = 0;
	for (let n of e.logProbs) {
		let e = n / t, a = Math.exp(e);
		r += a, a > 0 && (i += a * e);
	}
	let a = (e, t) => {
		let n = r + e;
		return Math.max(Math.log(n) - (i + t) / n, 0);
	}, o = n.low > 0 ? n.low * Math.log(n.largest) / t : 0, s = n.high > 0 ? n.high * Math.log(n.high / n.unseen) : 0, c = e.rounding / t * (Math.log(e.tokens) / 2 + 1), l = Math.max(a(n.low, o) - c, 0), u = Math.min(a(n.high, s) + c, Math.log(e.tokens));
	return {
		low: Math.min(l, u),
		high: u
	};
}
function bo(e, t, n) {
	if (t === 0) return Q(1);
	let r = n * (1 - ce), i = go(e, t), a = e.tokens - i.length, o = (t, n) => {
		let o = i.findIndex((e) => e[t] >= r);
		return o >= 0 || a === 0 ? o >= 0 ? o + 1 : e.tokens : Math.min(i.length + Math.max(Math.ceil(n), 1), e.tokens);
	}, s = i.at(-1), c = ho(e, t).at(-1).high * Math.exp(2 * e.rounding / t), l = c > 0 ? (r - s.high) / c : 1, u = s.low < 1 ? a * (r - s.low) / (1 - s.low) : 1;
	return {
		low: o("high", l),
		high: o("low", u)
	};
}
function xo(e, t) {
	let { tokens: n } = t, r = t.logProbs.length, i = [], a = 1;
	for (let [o, s] of e.entries()) {
		To(s);
		let c;
		if (s.name === "temperature") {
			if (a = s.value, c = a === 0 ? 1 : n, i.push({
				stage: s,
				kept: c,
				removed: n - c,
				keptMass: c > 1 ? Q(1) : go(t, 1)[0]
			}), c > 1) continue;
		} else {
			if (c = wo(s, t, Co(s, t, a)), c === n && r === n) {
				i.push({
					stage: s,
					kept: c,
					removed: 0,
					keptMass: Q(1)
				});
				continue;
			}
			i.push({
				stage: s,
				kept: c,
				removed: n - c,
				keptMass: go(t, a)[c - 1]
			});
		}
		return So(t, a, c, i, e.slice(o + 1));
	}
	return {
		stages: i,
		kept: n,
		temperature: a,
		probs: ho(t, a),
		unseen: _o(t, a),
		entropy: yo(t, a),
		warnings: []
	};
}
function So(e, t, n, r, i) {
	i.forEach(To);
	let a = e.logProbs.slice(0, n).map((e) => e / (t || 1)), o = Mt(i, a), { from: s, to: c } = o.processed, { entropy: l } = k(o.processed), u = Array.from(a, (e, t) => Q(j(o.processed, t))), d = o.stages.map(({ stage: e, kept: t, removed: n, keptMass: r }) => ({
		stage: e,
		kept: t,
		removed: n,
		keptMass: Q(r)
	}));
	return {
		stages: [...r, ...d],
		kept: c - s,
		temperature: t * o.tempered.temperature,
		probs: u,
		unseen: Q(0),
		entropy: Q(l),
		warnings: i.length > 0 ? o.warnings : []
	};
}
function Co(e, t, n) {
	let r = t.logProbs.length, i = t.tokens, { value: a } = e;
	if (e.name === "top_k") {
		if (a <= r || r === i) return Math.min(a, i);
		throw Eo(e, `the ${r} most probable tokens are known`);
	}
	if (e.name === "min_p") {
		let o = t.logProbs[0] / n + Math.log(a), s = t.logProbs.filter((e) => e / n >= o).length;
		if (s < r || r === i) return s;
		throw Eo(e, `all ${r} known tokens pass it, so unknown ones may`);
	}
	if (e.name === "top_p") {
		let { low: i, high: o } = bo(t, n, a);
		if (i === o && o <= r) return i;
		throw Eo(e, `the nucleus holds ${i.toLocaleString("en")} to ${o.toLocaleString("en")} tokens, as far as ${r} known tokens tell`);
	}
	throw Eo(e, `it needs the whole vocabulary as long as nothing before it has cut off all but the ${r} known tokens`);
}
function wo(e, t, n) {
	let r = t.logProbs.length, i = (M.get(e.name).options ?? []).map((e) => e.name), a = n;
	if (i.includes("min_keep") && (a = Math.max(a, Math.min(Number(e.options?.min_keep ?? 1), t.tokens)), a > r)) throw Eo(e, `it keeps ${a} tokens and the ${r} most probable ones are known`);
	if (e.options?.ties === "all" && a < t.tokens) {
		let n = t.logProbs[a - 1];
		if (a = t.logProbs.filter((e) => e >= n).length, a === r && r < t.tokens) throw Eo(e, "unknown tokens may tie with the last known one");
	}
	return a;
}
function To(e) {
	if (M.get(e.name).looksBack) throw Eo(e, "it depends on token ids or on the text before, and only ranks are known");
}
function Eo(e, t) {
	return new N(`What ${P(e)} keeps cannot be decided here: ${t}; cut to the known tokens first (top_k), ask for more log-probabilities, or use a model that runs here.`);
}
function Q(e) {
	return {
		low: e,
		high: e
	};
}
// src/parts/known.ts
function Do(e, t, n, r) {
	if (e.known === "full") return _("p", { class: "note" }, `This model runs here: its ${V(t)} most probable tokens are shown, and what they leave is the rest.`);
	let i = n === null ? `of an unknown number (the wide ends hold for up to ${V(r)})` : `of ${V(n)}`;
	return _("div", {
		class: "note",
		role: "note"
	}, _("p", {}, `The ${V(t)} most probable tokens ${i} are known. Every number here is an interval that holds the truth: lowest – highest; one number where both ends round to it.`), e.probe ? _("p", {}, _("b", {}, e.probe.logprobs === "raw" ? "Its logprobs are raw: " : "Its logprobs are processed: "), Oo(e.probe)) : null, e.note ? _("p", {}, e.note) : null);
}
function Oo(e) {
	return `${e.logprobs === "raw" ? "the model’s own, before any setting." : "what the server’s own settings left of the model’s; a temperature set here comes on top."} Probed: ${[
		"temperature",
		"top_p",
		"top_k"
	].map((t) => `${t} ${e[t]}`).join(", ")}; seed ${e.seed === null ? "unclear" : e.seed ? "honoured" : "ignored"}.`;
}
// src/parts/rangeBars.ts
function ko(e, t, n) {
	let r = e.map((e, t) => {
		let r = W(e.token), i = _("th", {
			scope: "row",
			class: "token-cell",
			title: `${En(e.token)}${e.id === null ? "" : `; id ${e.id}`}, rank ${t + 1}`
		});
		return n && Ao(e.token) ? x(i, _("button", {
			type: "button",
			class: "pick",
			"aria-label": `Continue with ${En(e.token)}`,
			onclick: () => n(t)
		}, r)) : x(i, r), No(i, R(e.logprob));
	}), i = No(_("th", {
		scope: "row",
		class: "token-cell"
	}, t), ""), a = _("tbody", { class: "tail" }, i.element), o = _("table", { class: "bars range-bars" }, _("caption", { class: "sr" }, "The tokens that are known, each with the lowest and the highest probability it can have"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
		scope: "col",
		class: "figure wide-only"
	}, "logprob"), _("th", {
		scope: "col",
		class: "figure raw-ink"
	}, "raw"), _("th", {
		scope: "col",
		class: "figure processed-ink"
	}, "processed"), _("th", {
		scope: "col",
		class: "bar-head"
	}, _("span", { class: "sr" }, "bars and "), "what removed it"))), _("tbody", {}, ...r.map((e) => e.element)), a);
	function s(e, t, n) {
		let o = t === null ? e : [...e, t], s = Math.max(...o.map((e) => Math.max(e.raw.high, e.processed?.high ?? 0)), 1e-12);
		r.forEach((t, n) => Po(t, e[n], s)), a.hidden = t === null, t !== null && (Po(i, t, s), S(i.fate, n), i.element.classList.toggle("removed", t.processed !== null && t.processed.high === 0));
	}
	return {
		element: o,
		draw: s
	};
}
function Ao(e) {
	return e !== "" && !/[\ufffd]|<0x[0-9A-F]{2}>/.test(e);
}
function jo(e) {
	let t = _("span", { class: `bar bar-${e}` }), n = _("span", { class: `bar bar-${e} possible` });
	return {
		element: _("span", {}, n, t),
		certain: t,
		possible: n
	};
}
function Mo(e, { low: t, high: n }, r) {
	e.certain.style.transform = `scaleX(${t / r})`, e.possible.style.transform = `scaleX(${n / r})`;
}
function No(e, t) {
	let n = _("td", { class: "figure raw-ink" }), r = _("td", { class: "figure processed-ink" }), [i, a] = [jo("raw"), jo("processed")], o = _("span");
	return {
		element: _("tr", {}, e, _("td", { class: "figure wide-only" }, t), n, r, _("td", { class: "bar-cell" }, _("span", {
			class: "bar-box",
			"aria-hidden": "true"
		}, i.element, a.element), _("span", { class: "fate" }, o))),
		raw: n,
		processed: r,
		rawBar: i,
		processedBar: a,
		fate: o
	};
}
function Po(e, { raw: t, processed: n, removed: r }, i) {
	Fo(e.raw, t), Mo(e.rawBar, t, i), Mo(e.processedBar, n ?? {
		low: 0,
		high: 0
	}, i), n === null ? (S(e.processed, "?"), e.processed.title = "not decided by the known tokens", delete e.processed.dataset.low, delete e.processed.dataset.high) : (Fo(e.processed, n, r === "" ? void 0 : "–"), e.processed.removeAttribute("title")), e.element.classList.toggle("removed", r !== ""), S(e.fate, r);
}
function Fo(e, { low: t, high: n }, r) {
	S(e, r ?? U(t, n)), e.dataset.low = String(t), e.dataset.high = String(n);
}
// src/parts/rankChart.ts
var Io = 260, Lo = {
	left: 52,
	right: 14,
	top: 26,
	bottom: 34
}, Ro = 1e-10, zo = 240;
function Bo(e) {
	let t = Na([1, Math.max(e, 2)], [Lo.left, 640]), n = Na([Ro, 1], [Io - Lo.bottom, Lo.top]).clamp(!0), r = Wo(e), i = v("path", { class: "area-kept" }), a = v("path", { class: "line-raw" }), o = v("path", { class: "line-processed" }), s = v("g", { class: "cuts" }), c = v("title", {}), l = v("g", {
		class: "axes",
		"aria-hidden": "true"
	}), u = null, d = v("svg", {
		viewBox: `0 0 640 ${Io}`,
		class: "chart rank-chart",
		role: "img"
	}, c, l, i, a, o, s);
	function f(e) {
		return r.filter((t) => je(e, t)).map((r) => [t(r + 1), n(Math.exp(Me(e, r)))]);
	}
	let p = hn(d, Io, (r) => {
		t.range([Lo.left, r - Lo.right]), x(l, ...Ho(e, t, n, r, Io, Lo)), u !== null && m(u);
	});
	function m(e) {
		u = e;
		let { processed: r, raw: l } = e, d = f(r), p = A(r, r.to - 1);
		r.to - r.from > 1 && d.push([t(p + 1), n(Math.exp(Me(r, p)))]), d.sort((e, t) => e[0] - t[0]), a.setAttribute("d", Ya()(f(l)) ?? ""), o.setAttribute("d", Ya()(d) ?? ""), i.setAttribute("d", Xa().x((e) => e[0]).y1((e) => e[1]).y0(n(Ro))(d) ?? ""), x(s, ...Vo(e, t)), S(c, `Probability against rank. Raw: grey. Processed: ${V(I(r))} of ${V(I(l))} tokens, from ${R(Math.exp(Me(r, A(r, r.from))))} down to ${R(Math.exp(Me(r, p)))}.`);
	}
	return {
		element: d,
		draw: m,
		close: p
	};
}
function Vo(e, t) {
	return e.stages.filter((e) => e.removed > 0 && e.after.order === void 0 && e.after.to < e.before.to).map((e, n) => {
		let r = t(e.after.to + .5), i = r > t.range()[1] * .75;
		return v("g", {}, v("line", {
			class: "cut",
			x1: r,
			x2: r,
			y1: Lo.top,
			y2: Io - Lo.bottom
		}), v("text", {
			class: "cut-label",
			x: r + (i ? -4 : 4),
			y: Lo.top + 10 + 13 * n,
			"text-anchor": i ? "end" : "start"
		}, P(e.stage)));
	});
}
function Ho(e, t, n, r, i, a) {
	let o = [
		1,
		10,
		100,
		1e3,
		1e4,
		1e5,
		1e6
	].filter((t) => t <= e), s = [
		1,
		.01,
		1e-4,
		1e-6,
		1e-8,
		1e-10
	];
	return [
		...o.map((e) => v("text", {
			x: t(e),
			y: i - a.bottom + 15,
			"text-anchor": e === 1 ? "start" : t(e) > r - a.right - 24 ? "end" : "middle"
		}, V(e))),
		...s.flatMap((e) => [v("line", {
			class: "grid",
			x1: a.left,
			x2: r - a.right,
			y1: n(e),
			y2: n(e)
		}), v("text", {
			x: a.left - 6,
			y: n(e) + 4,
			"text-anchor": "end"
		}, e === 1 ? "1" : `10${Uo(Math.log10(e))}`)]),
		v("text", {
			x: r - a.right,
			y: i - 4,
			"text-anchor": "end"
		}, "rank of the token →"),
		v("text", {
			x: 2,
			y: 12
		}, "probability")
	];
}
function Uo(e) {
	return String(Math.round(e)).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
function Wo(e) {
	let t = Array.from({ length: zo }, (t, n) => Math.round(e ** (n / 239)) - 1);
	return [...new Set(t)].sort((e, t) => e - t);
}
// src/parts/rangeChart.ts
var Go = 260, Ko = {
	left: 52,
	right: 14,
	top: 26,
	bottom: 34
}, qo = 1e-10, Jo = 60;
function Yo(e) {
	let t = Na([1, Math.max(e, 2)], [Ko.left, 640]), n = Na([qo, 1], [Go - Ko.bottom, Ko.top]).clamp(!0), r = v("g", {
		class: "axes",
		"aria-hidden": "true"
	}), i = v("title", {}), a = v("g"), o = v("svg", {
		viewBox: `0 0 640 ${Go}`,
		class: "chart range-chart",
		role: "img"
	}, i, r, a), s = null, c = hn(o, Go, (i) => {
		t.range([Ko.left, i - Ko.right]), x(r, ...Ho(e, t, n, i, Go, Ko)), s !== null && d(...s);
	});
	function l({ probs: r, unseen: i, largest: a }) {
		let o = r.length;
		if (i.high <= 0 || e <= o) return "";
		let s = Array.from({ length: Jo }, (t, n) => o + 1 + (e - o - 1) ** (n / 59) - 1).map((e) => [t(Math.max(e, o + .5)), n(Math.max(Math.min(a, i.high / Math.max(e - o, 1)), qo))]);
		return Xa().x((e) => e[0]).y1((e) => e[1]).y0(n(qo))(s) ?? "";
	}
	function u(e, r, i) {
		return e.probs.flatMap(({ low: e, high: a }, o) => {
			if (a <= qo) return [];
			let s = t(o + 1) + i, [c, l] = [n(a), Math.max(n(e), n(a) + 3)];
			return [v("line", {
				class: `whisker whisker-${r}`,
				x1: s,
				x2: s,
				y1: c,
				y2: l
			})];
		});
	}
	function d(t, n) {
		s = [t, n], x(a, v("path", {
			class: "bound-raw",
			d: l(t)
		}), n === null ? null : v("path", {
			class: "bound-processed",
			d: l(n)
		}), ...u(t, "raw", -2), ...n === null ? [] : u(n, "processed", 2));
		let r = (t, n) => `${t}: the first ${U(n.probs[0].low, n.probs[0].high)}, all ${V(e - n.probs.length)} unknown ones ${U(n.unseen.low, n.unseen.high)}.`;
		S(i, `Lowest and highest probability against rank. ${r("Raw", t)} ${n === null ? "" : r("Processed", n)}`);
	}
	return {
		element: o,
		draw: d,
		close: c
	};
}
// src/parts/tauSlider.ts
var Xo = 3;
function Zo(e) {
	let t = C("tau"), n = _("input", {
		id: t,
		type: "range",
		min: 0,
		max: Xo,
		step: .01,
		class: "tau",
		oninput: () => e(Number(n.value))
	}), r = _("output", {
		for: t,
		class: "tau-value"
	});
	return {
		element: _("div", { class: "tau-box" }, _("label", { for: t }, "temperature τ"), r, n, _("div", {
			class: "tau-ends",
			"aria-hidden": "true"
		}, _("span", {}, "0 greedy"), _("span", {}, "1 raw"), _("span", {}, "3"))),
		show(e) {
			n.value = String(e), n.setAttribute("aria-valuetext", `τ ${H(e)}${e === 0 ? ", greedy" : e === 1 ? ", the model's own" : ""}`), S(r, H(e));
		}
	};
}
// src/views/partialPosition.ts
var Qo = "temperature=1";
function $o(e) {
	return {
		logProbs: Float64Array.from(e.logprobs),
		tokens: e.vocabulary_at_most,
		rounding: e.rounding
	};
}
function es(e, t, n) {
	let { state: r, announce: i } = t, a = $o(e), o = e.tokens.length, s = a.tokens - o, c = ts(e, a), l = {
		probs: ho(a, 1),
		unseen: _o(a, 1),
		largest: vo(a, 1)
	}, u = yo(a, 1), d = null, f = ln((e) => w(e), i, { heat: !1 }), p = Zo((e) => w(kt(C(), e))), m = e.tokens.map((t, n) => ({
		token: t,
		id: e.ids[n] ?? null,
		logprob: e.logprobs[n]
	})), h = ko(m, `${e.vocabulary === null ? "up to " : ""}${V(s)} unknown`, n && ((t) => n(e.tokens[t]))), g = Yo(a.tokens), v = te(), y = _("p", {
		class: "note undecided",
		role: "status"
	}), b = _("ul", {
		class: "warnings",
		"aria-label": "Where the settings conflict"
	}), ee = mn(T);
	function C() {
		try {
			return Ct(r.get("chain") ?? c);
		} catch {
			return Tt(c).chain;
		}
	}
	function w(e) {
		r.set("chain", F(e.filter(ht)) || " ");
	}
	function T() {
		let t = C();
		f.show(t), p.show(Ot(t)), d = null;
		let n = "";
		try {
			d = xo(t, a);
		} catch (e) {
			if (!(e instanceof N)) throw e;
			n = e.message;
		}
		S(y, n), y.hidden = n === "", f.report(d?.stages ?? [], "not decided here");
		let r = e.tokens.map((e, t) => {
			let n = d === null ? null : d.probs[t] ?? {
				low: 0,
				high: 0
			};
			return {
				raw: l.probs[t],
				processed: n,
				removed: d === null ? "" : rs(d, t)
			};
		}), i = d === null ? "not decided" : d.kept > o ? "kept" : "removed";
		h.draw(r, s > 0 ? {
			raw: l.unseen,
			processed: d?.unseen ?? null,
			removed: ""
		} : null, i);
		let c = d !== null && d.unseen.high === 0;
		g.draw(l, d === null ? null : {
			probs: d.probs,
			unseen: d.unseen,
			largest: c ? 0 : vo(a, d.temperature)
		}), v.draw(d), x(b, ...(d?.warnings ?? []).map((e) => _("li", {}, e))), b.hidden = b.children.length === 0;
	}
	function te() {
		let t = [
			[
				"entropy",
				"entropy",
				"nats",
				u,
				(e) => e.entropy,
				R
			],
			[
				"support",
				"effective support",
				"tokens, e^entropy",
				ns(u),
				(e) => ns(e.entropy),
				R
			],
			[
				"unseen",
				"unknown tokens’ share",
				"",
				l.unseen,
				(e) => e.unseen,
				L
			]
		], n = t.map(([e]) => ({
			raw: _("span", {
				class: "raw-ink",
				"data-measure": `${e}-raw`
			}),
			processed: _("b", {
				class: "processed-ink",
				"data-measure": e
			})
		})), r = _("b", { "data-measure": "kept" }), i = _("b", { "data-measure": "margin" }), a = _("dl", { class: "measures" }, ...t.map(([, e, t], r) => _("div", { class: "measure" }, _("dt", {}, e, t ? _("small", {}, ` ${t}`) : null), _("dd", {}, n[r].processed, " ", _("small", {}, "raw "), n[r].raw))), _("div", { class: "measure" }, _("dt", {}, "tokens that can come"), _("dd", {}, r)), _("div", { class: "measure" }, _("dt", {}, "margin ", _("small", {}, "raw logits, 1st over 2nd")), _("dd", {}, i))), s = (e, t, n) => {
			S(e, t === null ? "?" : (n === L ? U : (e, t) => cn(e, t, n))(t.low, t.high)), e.dataset.low = t === null ? "" : String(t.low), e.dataset.high = t === null ? "" : String(t.high);
		};
		return {
			element: a,
			draw(a) {
				if (t.forEach(([, , , e, t, r], i) => {
					s(n[i].raw, e, r), s(n[i].processed, a === null ? null : t(a), r);
				}), S(r, a === null ? "?" : `${a.kept > o && e.vocabulary === null ? "all, up to " : ""}${V(a.kept)}`), o > 1) {
					let t = e.logprobs[0] - e.logprobs[1];
					s(i, {
						low: Math.max(t - 2 * e.rounding, 0),
						high: t + 2 * e.rounding
					}, R);
				} else S(i, "?");
			}
		};
	}
	let ne = wt(Tt(e.chain).others), re = r.listen((e) => e === "chain" && ee()), ie = _("div", { class: "position partial" }, _("div", { class: "prompt" }, _("p", { class: "meta" }, `${e.model}, after`), _("p", {
		class: "tokens",
		dir: "auto"
	}, W(e.prompt)), Do(e, o, e.vocabulary, e.vocabulary_at_most), ne ? _("p", { class: "note" }, ne) : null), _("div", { class: "columns" }, _("section", {
		class: "card controls",
		"aria-label": "Settings"
	}, p.element, f.element, y, b), _("section", {
		class: "card",
		"aria-label": "Distribution of the next token, as intervals"
	}, v.element, _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "Known tokens"
	}, h.element))), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, `${V(o)} known tokens as ranges, all others below a bound. `), _("span", { class: "legend" }, _("span", { class: "key key-raw" }, "raw: the model’s own, τ = 1"), _("span", { class: "key key-processed" }, "processed: what sampling draws from"), _("span", { class: "key key-bound" }, "no unknown token lies above"))), g.element));
	return T(), performance.mark("retort-numbers"), {
		element: ie,
		close: () => {
			re(), g.close();
		},
		download: {
			name: "retort-position",
			json: ae,
			csv: E,
			svg: () => g.element
		}
	};
	function ae() {
		return {
			...e,
			chain: F(C()),
			raw: {
				entropy_nats: u,
				unseen: l.unseen,
				probs: l.probs
			},
			processed: d === null ? null : {
				entropy_nats: d.entropy,
				kept: d.kept,
				unseen: d.unseen,
				probs: d.probs,
				stages: d.stages.map(({ stage: e, kept: t, removed: n, keptMass: r }) => ({
					stage: P(e),
					kept: t,
					removed: n,
					kept_mass: r
				}))
			},
			undecided: y.textContent || null
		};
	}
	function E() {
		return [
			[
				"rank",
				"id",
				"token",
				"logprob",
				"prob_raw_low",
				"prob_raw_high",
				"prob_processed_low",
				"prob_processed_high"
			],
			...m.map((e, t) => {
				let n = d === null ? null : d.probs[t] ?? {
					low: 0,
					high: 0
				};
				return [
					t + 1,
					e.id,
					e.token,
					e.logprob,
					l.probs[t].low,
					l.probs[t].high,
					n?.low ?? null,
					n?.high ?? null
				];
			}),
			[
				null,
				null,
				"(all others)",
				null,
				l.unseen.low,
				l.unseen.high,
				d?.unseen.low ?? null,
				d?.unseen.high ?? null
			]
		];
	}
}
function ts(e, t) {
	try {
		return xo(Tt(e.chain).chain, t), e.chain;
	} catch {
		return Qo;
	}
}
function ns({ low: e, high: t }) {
	return {
		low: Math.exp(e),
		high: Math.exp(t)
	};
}
function rs(e, t) {
	if ((e.probs[t]?.high ?? 0) > 0) return "";
	let n = e.stages.find((e) => e.kept <= t && e.removed > 0) ?? e.stages.findLast((e) => e.removed > 0);
	return n === void 0 ? "" : P(n.stage);
}
// src/views/partialCompare.ts
var is = 20;
function as(e, t) {
	let n = ss(e.a, e.b), r = n.slice(0, is), [i, a] = [e.a, e.b].map((e) => _o($o(e), 1)), o = Math.max(...r.flatMap((e) => [e.a?.high ?? 0, e.b?.high ?? 0]), i.high, a.high, 1e-12), s = ms(r);
	return {
		element: _("div", {}, _("div", { class: "two" }, os("A", e.a), os("B", e.b)), _("section", {
			class: "card",
			"aria-label": "The two distributions, as far as they are known"
		}, ls(e), _("div", {
			class: "scroll",
			tabindex: 0,
			role: "region",
			"aria-label": "Tokens in A and in B"
		}, _("table", { class: "bars pair range-bars" }, _("caption", { class: "sr" }, "Lowest and highest raw probability of each token in A and in B"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
			scope: "col",
			class: "figure ink-a"
		}, "A"), _("th", {
			scope: "col",
			class: "figure ink-b"
		}, "B"), _("th", { scope: "col" }, _("span", { class: "sr" }, "bars")))), _("tbody", {}, ...r.map((e) => cs(W(e.token), e.a, e.b, o))), _("tbody", { class: "tail" }, cs("all unknown ones", i, a, o))))), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "A and B, raw. "), _("small", {}, "Each line reaches from the lowest to the highest probability that a token can have.")), s.element)),
		close: s.close,
		download: {
			name: "retort-compare",
			json: () => e,
			csv: () => [[
				"token",
				"prob_a_low",
				"prob_a_high",
				"prob_b_low",
				"prob_b_high"
			], ...n.map((e) => [
				e.token,
				e.a?.low ?? null,
				e.a?.high ?? null,
				e.b?.low ?? null,
				e.b?.high ?? null
			])],
			svg: () => s.element
		}
	};
}
function os(e, t) {
	return _("section", {
		class: `card side-${e.toLowerCase()}`,
		"aria-label": e
	}, _("h2", {}, _("span", { class: `side-mark mark-${e.toLowerCase()}` }, e), ` ${t.model}`), _("p", {
		class: "tokens side-prompt",
		dir: "auto"
	}, W(t.prompt)), Do(t, t.tokens.length, t.vocabulary, t.vocabulary_at_most));
}
function ss(e, t) {
	let n = /* @__PURE__ */ new Map();
	[["a", e], ["b", t]].forEach(([e, t]) => ho($o(t), 1).forEach((r, i) => {
		let a = t.tokens[i], o = n.get(a) ?? {
			a: null,
			b: null
		};
		o[e] ??= r, n.set(a, o);
	}));
	let r = (e) => Math.max(e.a?.high ?? 0, e.b?.high ?? 0);
	return [...n].map(([e, t]) => ({
		token: e,
		...t
	})).sort((e, t) => r(t) - r(e));
}
function cs(e, t, n, r) {
	let [i, a] = [jo("a"), jo("b")];
	Mo(i, t ?? {
		low: 0,
		high: 0
	}, r), Mo(a, n ?? {
		low: 0,
		high: 0
	}, r);
	let o = (e, t) => e === null ? _("td", { class: `figure ink-${t}` }, _("small", {}, "unknown")) : _("td", {
		class: `figure ink-${t}`,
		"data-low": e.low,
		"data-high": e.high
	}, U(e.low, e.high));
	return _("tr", {}, _("th", {
		scope: "row",
		class: "token-cell"
	}, e), o(t, "a"), o(n, "b"), _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, i.element, a.element)));
}
function ls(e) {
	let { compared: t } = e, n = (e) => typeof e == "number" ? R(e) : E(e) === -Infinity ? "∞" : `at least ${R(E(e))}`;
	return _("dl", { class: "measures" }, ...[
		[
			"tv",
			"total variation",
			"0 same, 1 disjoint",
			cn(E(t.total_variation), D(t.total_variation))
		],
		[
			"kl-forward",
			"KL(A ‖ B)",
			"nats",
			n(t.kl_ab)
		],
		[
			"kl-reverse",
			"KL(B ‖ A)",
			"nats",
			n(t.kl_ba)
		],
		[
			"common",
			"tokens that both name",
			"",
			V(t.common)
		],
		[
			"logprob-difference",
			"largest difference of logprobs",
			"nats, among these",
			t.logprob_difference === null ? "–" : R(t.logprob_difference)
		]
	].map(([e, t, n, r]) => _("div", { class: "measure" }, _("dt", {}, t, " ", _("small", {}, n)), _("dd", {}, _("b", { "data-measure": e }, r)))));
}
var us = 20, ds = 120, fs = {
	right: 16,
	top: 8,
	bottom: 34
}, ps = 1e-6;
function ms(e) {
	let t = fs.top + e.length * us + fs.bottom, n = v("title"), r = v("g"), i = v("svg", {
		viewBox: `0 0 640 ${t}`,
		class: "chart ranges",
		role: "img"
	}, n, r);
	i.style.maxHeight = "none";
	let a = (e) => e === null ? "unknown" : U(e.low, e.high);
	return S(n, `Raw probability in A and B: ${e.slice(0, 8).map((e) => `${Tn(e.token)} ${a(e.a)} and ${a(e.b)}`).join("; ")}`), {
		element: i,
		close: hn(i, t, (n) => {
			let i = (e) => ds + (n - fs.right - ds) * Math.log(Math.max(e, ps) / ps) / Math.log(1 / ps), a = (e, t, n) => e === null || e.high < ps ? null : v("line", {
				class: `whisker whisker-${t}`,
				x1: i(e.low),
				x2: Math.max(i(e.high), i(e.low) + 3),
				y1: n,
				y2: n
			});
			x(r, ...[
				1,
				.01,
				1e-4,
				1e-6
			].flatMap((e) => [v("line", {
				class: "grid",
				x1: i(e),
				x2: i(e),
				y1: fs.top,
				y2: t - fs.bottom
			}), v("text", {
				x: i(e),
				y: t - fs.bottom + 16,
				"text-anchor": e === 1 ? "end" : "middle"
			}, e === ps ? "0" : `${100 * e} %`)]), ...e.flatMap((e, t) => {
				let n = fs.top + t * us + us / 2, r = Tn(e.token);
				return [
					v("text", {
						class: "dot-label",
						x: 112,
						y: n + 4,
						"text-anchor": "end"
					}, r.length > 14 ? `${r.slice(0, 13)}…` : r),
					a(e.a, "a", n - 3),
					a(e.b, "b", n + 3)
				];
			}), v("text", {
				x: n - fs.right,
				y: t - 2,
				"text-anchor": "end"
			}, "probability →"));
		})
	};
}
// src/views/reading.ts
function hs(e, t) {
	let { state: n } = t, { tokens: r, measures: i } = e, a = i.find((e) => e.name === n.get("colour")) ?? i[0], o = Math.min(Number(n.get("token") ?? 0) || 0, r.length - 1), s = _("section", {
		class: "card detail",
		"aria-live": "polite",
		"aria-label": "The chosen token"
	}), c = r.map((e, t) => f(e, t)), l = _("p", { class: "legend heat-legend" }), u = _s(r, (e) => m(e, !1)), d = _("div", {
		class: "tokens text-tokens",
		role: "group",
		"aria-label": "The text, token by token. Arrow keys go through it.",
		onkeydown: p
	}, _("span", { class: "prompt-part" }, ...e.prompt.map(W)));
	r.forEach((e, t) => {
		d.append(c[t]), /\n/.test(e.token) && d.append(_("br"));
	});
	function f(e, t) {
		return _("button", {
			type: "button",
			class: `text-token${e.removed_by ? " was-removed" : ""}${e.given ? " was-given" : ""}`,
			tabindex: -1,
			onmouseenter: () => h(t),
			onfocus: () => h(t),
			onclick: () => m(t, !0)
		}, W(e.token));
	}
	function p(e) {
		let t = getComputedStyle(d).direction === "rtl", n = {
			ArrowRight: t ? -1 : 1,
			ArrowLeft: t ? 1 : -1
		}[e.key], r = e.key === "Home" ? 0 : e.key === "End" ? c.length - 1 : n === void 0 ? null : o + n;
		r === null || r < 0 || r >= c.length || (e.preventDefault(), m(r, !0));
	}
	function m(e, t) {
		n.set("token", String(e)), h(e), t && c[e].focus();
	}
	function h(t) {
		c[o]?.setAttribute("tabindex", "-1"), c[o]?.removeAttribute("aria-current"), o = t, c[t]?.setAttribute("tabindex", "0"), c[t]?.setAttribute("aria-current", "true"), u.mark(t), x(s, ...e.describe(t));
	}
	function g() {
		r.forEach((e, t) => {
			let n = c[t];
			n.style.setProperty("--heat", String(Math.min(1, Math.max(0, a.heat(e))))), n.setAttribute("aria-label", `${t + 1}, ${En(e.token)}, ${a.shown(e)}`);
		}), x(l, _("span", {}, a.ends[0]), _("span", {
			class: "ramp",
			"aria-hidden": "true"
		}), _("span", {}, `${a.ends[1]} (${a.what})`)), u.draw(a);
	}
	let v = _("fieldset", { class: "choices" }, _("legend", {}, "Colour by"), ...i.map((e) => _("label", {}, _("input", {
		type: "radio",
		name: "colour",
		value: e.name,
		checked: e === a,
		onchange: () => {
			a = e, n.set("colour", e.name), g();
		}
	}), ` ${e.label}`)));
	return g(), r.length > 0 && h(o), {
		element: _("div", {}, _("div", { class: "prompt" }, ...e.head), _("section", {
			class: "card",
			"aria-label": "Text"
		}, v, d, l), _("div", { class: "columns text-columns" }, s, _("figure", { class: "card" }, _("figcaption", {}, e.totals), u.element))),
		close: u.close,
		download: {
			name: "retort-text",
			json: e.json,
			csv: e.csv,
			svg: () => u.element
		}
	};
}
var gs = 150;
function _s(e, t) {
	let n = v("title"), r = v("g"), i = null, a = 640, o = 0, s = v("svg", {
		viewBox: `0 0 640 ${gs}`,
		class: "chart strip",
		role: "img"
	}, n, r), c = hn(s, gs, (e) => {
		a = e, i && l(i);
	});
	function l(s) {
		i = s, S(n, `${s.label} of each token: ${e.map(s.shown).slice(0, 40).join(", ")}`);
		let c = a / Math.max(e.length, 1);
		x(r, ...e.map((e, n) => {
			let r = 124 * Math.min(1, Math.max(0, s.heat(e))), i = Tn(e.token);
			return v("g", {
				class: "strip-bar",
				onclick: () => t(n)
			}, v("rect", {
				class: "hit",
				x: n * c,
				y: 0,
				width: c,
				height: gs
			}), v("rect", {
				class: "strip-fill",
				x: n * c + 1,
				y: 132 - r,
				width: Math.max(1, c - 2),
				height: Math.max(1, r)
			}), c > 7 * Math.min(i.length, 7) + 2 ? v("text", {
				x: n * c + c / 2,
				y: 146,
				"text-anchor": "middle"
			}, i.length > 7 ? `${i.slice(0, 6)}…` : i) : null);
		})), u(o);
	}
	function u(e) {
		r.children[o]?.classList.remove("marked"), o = e, r.children[e]?.classList.add("marked");
	}
	return {
		element: s,
		draw: l,
		mark: u,
		close: c
	};
}
// src/views/partialText.ts
var vs = 6, ys = [
	{
		name: "entropy",
		label: "entropy",
		what: "middle of the interval of the raw entropy",
		heat: (e) => (E(e.entropy_nats) + D(e.entropy_nats)) / 2 / vs,
		shown: (e) => `entropy ${cn(E(e.entropy_nats), D(e.entropy_nats))} nats`,
		ends: ["0 nats: sure", `${vs} nats or more`]
	},
	{
		name: "rank",
		label: "rank",
		what: "rank among the known tokens",
		heat: (e) => e.rank === null ? 1 : Math.log(e.rank) / Math.log(e.known_tokens + 1),
		shown: (e) => e.rank === null ? `beyond rank ${e.known_tokens}` : `rank ${e.rank}`,
		ends: ["the first choice", "not among the known"]
	},
	{
		name: "flip",
		label: "flip risk",
		what: "chance that numerical noise makes another token the most likely one",
		heat: (e) => 2 * D(e.flip_risk),
		shown: (e) => `flip risk ${U(E(e.flip_risk), D(e.flip_risk))}`,
		ends: ["safe at τ = 0", "a coin toss"]
	}
];
function bs(e, t, n) {
	let r = e.finish_reason === "", i = e.tokens[0], a = e.chain ? `; what ${e.chain} would leave is told at each token, where it can be decided` : "";
	return hs({
		tokens: e.tokens,
		prompt: [e.prompt],
		measures: ys,
		head: [_("p", { class: "meta" }, r ? "Writing …" : `${e.model}, the greedy text (its most probable token each time)${a}`), r || i === void 0 ? null : Do(e, i.known_tokens, e.vocabulary, e.vocabulary_at_most)],
		totals: xs(e),
		describe: (t) => Ss(e, t, n),
		json: () => e,
		csv: () => Ts(e)
	}, t);
}
function xs(e) {
	let { totals: t } = e;
	if (t === null) return an(e.tokens.length);
	let n = typeof t.logprob_raw == "number" ? z(t.logprob_raw) : `at most ${z(D(t.logprob_raw))} (${an(t.unknown)} not among the known)`;
	return `${an(e.tokens.length)}: log-probability ${n} (raw, summed), mean entropy ${cn(E(t.entropy_nats), D(t.entropy_nats))} nats, chance that a greedy replay differs somewhere ${U(E(t.flip_risk), D(t.flip_risk))} (noise ${R(e.noise_scale)} logits)`;
}
function Ss(e, t, n) {
	let r = e.tokens[t], i = Math.max(...r.alternatives.map((e) => D(e.prob_raw)), D(r.unseen), 1e-12), a = "not decided by the known tokens", o = [
		["rank", r.rank === null ? `beyond ${V(r.known_tokens)}` : V(r.rank)],
		["log-probability, raw", typeof r.logprob_raw == "number" ? z(r.logprob_raw) : `at most ${z(D(r.logprob_raw))}`],
		["entropy, raw, lowest – highest", `${cn(E(r.entropy_nats), D(r.entropy_nats))} nats`],
		["margin, raw logits", cn(E(r.margin), D(r.margin))],
		["tokens kept", r.kept === null ? a : V(r.kept)],
		["mass kept, lowest – highest", r.kept_mass === null ? a : U(E(r.kept_mass), D(r.kept_mass))],
		["flip risk", U(E(r.flip_risk), D(r.flip_risk))]
	];
	return [
		_("h2", {}, _("small", {}, `${t + 1} of ${e.tokens.length} `), W(r.token), _("small", {}, r.given ? " given" : " the most probable")),
		r.removed_by ? _("p", { class: "error" }, `${r.removed_by} would have removed it`) : _("p", { hidden: !0 }),
		_("dl", { class: "facts" }, ...o.map(([e, t]) => _("div", {}, _("dt", {}, e), _("dd", {}, t)))),
		_("table", { class: "bars alternatives range-bars" }, _("caption", {}, n ? "Could have stood here; choose one to branch" : "Could have stood here"), _("thead", { class: "sr" }, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", { scope: "col" }, "raw, lowest – highest"), _("th", { scope: "col" }, "bar"))), _("tbody", {}, ...r.alternatives.map((e) => {
			let a = e.token === r.token, o = W(e.token);
			return Cs(n !== void 0 && !a && Ao(e.token) ? _("button", {
				type: "button",
				class: "pick",
				onclick: () => n.branch(t, e.token),
				"aria-label": `Branch here with ${En(e.token)}`
			}, o) : o, E(e.prob_raw), D(e.prob_raw), i, a);
		})), _("tbody", { class: "tail" }, Cs("all unknown ones", E(r.unseen), D(r.unseen), i, r.rank === null)))
	];
}
function Cs(e, t, n, r, i) {
	let a = jo("raw");
	return Mo(a, {
		low: t,
		high: n
	}, r), _("tr", { "aria-current": i ? "true" : null }, _("th", {
		scope: "row",
		class: "token-cell"
	}, e), _("td", {
		class: "figure raw-ink",
		"data-low": t,
		"data-high": n
	}, U(t, n)), _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, a.element)));
}
function ws(e) {
	return e === null ? [null, null] : [E(e), D(e)].map((e) => Number.isFinite(e) ? e : null);
}
function Ts(e) {
	return [[
		"place",
		"id",
		"token",
		"given",
		"rank",
		"logprob_raw_low",
		"logprob_raw_high",
		"entropy_low",
		"entropy_high",
		"margin_low",
		"margin_high",
		"kept",
		"kept_mass_low",
		"kept_mass_high",
		"removed_by",
		"flip_risk_low",
		"flip_risk_high"
	], ...e.tokens.map((e, t) => [
		t + 1,
		e.id,
		e.token,
		String(e.given),
		e.rank,
		...ws(e.logprob_raw),
		...ws(e.entropy_nats),
		...ws(e.margin),
		e.kept,
		...ws(e.kept_mass),
		e.removed_by,
		...ws(e.flip_risk)
	])];
}
function Es(e, t) {
	return {
		known: "top_n",
		model: "writing",
		note: null,
		prompt: "",
		chain: "",
		finish_reason: "",
		text: "",
		tokens: [...e?.tokens ?? [], t],
		totals: null,
		noise_scale: NaN,
		vocabulary: null,
		vocabulary_at_most: 0,
		probe: null
	};
}
// src/views/path.ts
var Ds = 22, Os = 40, $ = {
	left: 8,
	right: 8,
	top: 6,
	bottom: 34
}, ks = 7.4;
function As(e, t) {
	let { leaves: n } = e, r = n[0].temperature_low, i = n.at(-1).temperature_high, a = C("tau"), { state: o } = t, s = -1, c = _("input", {
		id: a,
		class: "tau",
		type: "range",
		min: r,
		max: i,
		step: "any",
		oninput: () => h(Number(c.value)),
		onkeydown: m
	}), l = _("output", {
		for: a,
		class: "tau-value"
	}), u = _("p", {
		class: "tokens path-text",
		dir: "auto"
	}), d = _("p", {
		class: "meta",
		"data-path": "facts"
	}), f = Is(e, r, i, (e) => h(e)), p = (e) => {
		let t = n[Math.min(n.length - 1, Math.max(0, s + e))];
		h(Ms(t));
	};
	function m(e) {
		let t = {
			PageUp: 1,
			PageDown: -1
		}[e.key];
		t !== void 0 && (e.preventDefault(), p(t));
	}
	function h(e) {
		o.set("tau", H(e)), g(e);
	}
	function g(t) {
		c.value = String(t), S(l, H(t));
		let r = Ns(n, t), i = n[r];
		f.show(t, r), c.setAttribute("aria-valuetext", `τ ${H(t)}: ${i.text}`);
		let a = t < i.temperature_low || t > i.temperature_high;
		if (S(d, `${Ps(i, e.exact)}${a ? " (the nearest: no asked-for temperature lies where the slider is)" : ""}; text ${r + 1} of ${n.length}, ended by ${i.finish_reason}, log-probability ${z(i.logprob_raw)} (raw, summed)`), r === s) return;
		let o = n[s]?.ids;
		s = r, x(u, ...e.tokens[r].map((e, t) => {
			let n = W(e);
			return o && o[t] !== i.ids[t] && n.classList.add("changed"), n;
		}));
	}
	let v = o.listen((e) => e === "tau" && o.get("tau") !== void 0 && g(Number(o.get("tau"))));
	g(Math.min(i, Math.max(r, Number(o.get("tau") ?? Math.min(i, Math.max(r, .7))) || 0)));
	let y = n.reduce((e, t) => e + t.temperatures.length, 0);
	return {
		element: _("div", {}, _("section", {
			class: "card",
			"aria-label": "Text at the chosen temperature"
		}, _("p", { class: "meta" }, `${e.model}, seed ${e.seed}, after “${e.prompt}”`), e.note ? _("p", { class: "note" }, e.note) : null, js(e), u, d, _("div", { class: "tau-box path-slider" }, _("label", { for: a }, "temperature τ"), l, c, _("div", { class: "form-foot" }, _("button", {
			type: "button",
			class: "quiet",
			onclick: () => p(-1)
		}, "← cooler text"), _("button", {
			type: "button",
			class: "quiet",
			onclick: () => p(1)
		}, "hotter text →")))), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, `${n.length} different texts at ${y} temperatures. `), _("small", {}, `${V(e.forward_passes)} forward passes, ${V(e.independent_passes)} for each temperature on its own. Left is cold, right is hot; each row is one token.`)), f.element), _("details", { class: "card" }, _("summary", {}, "All texts as a table"), Rs(e))),
		close: () => {
			v(), f.close();
		},
		download: {
			name: "retort-path",
			json: () => e,
			csv: () => zs(e),
			svg: () => f.element
		}
	};
}
function js(e) {
	return e.stages?.length ? _("ol", {
		class: "path-stages",
		"aria-label": "Stages of the chain along the path"
	}, ...e.stages.map(({ stage: e, applies: t, why: n }) => _("li", { class: t ? "" : "set-aside" }, _("code", {}, e), " ", _("small", {}, `${t ? "applies" : "does not apply:"} ${n}`)))) : null;
}
function Ms(e) {
	return (e.temperature_low + e.temperature_high) / 2;
}
function Ns(e, t) {
	let n = 0, r = Infinity;
	return e.forEach((e, i) => {
		let a = Math.max(e.temperature_low - t, t - e.temperature_high, 0);
		a < r && ([n, r] = [i, a]);
	}), n;
}
function Ps(e, t) {
	return `${e.temperature_low === e.temperature_high ? `τ = ${H(e.temperature_low)}` : `τ from ${H(e.temperature_low)} to ${H(e.temperature_high)}`}${t ? ", exact" : ", as far as asked for"}`;
}
function Fs(e) {
	let { leaves: t } = e, n = [], r = Math.min(Os, Math.max(...t.map((e) => e.ids.length)));
	for (let i = 0; i < r; i++) for (let r = 0; r < t.length;) {
		let a = r, o = t[r].ids.slice(0, i + 1).join();
		for (; a + 1 < t.length && t[a + 1].ids.slice(0, i + 1).join() === o;) a += 1;
		t[r].ids.length > i && n.push({
			from: t[r].temperature_low,
			to: t[a].temperature_high,
			row: i,
			first: r,
			last: a,
			token: e.tokens[r][i]
		}), r = a + 1;
	}
	return n;
}
function Is(e, t, n, r) {
	let i = Fs(e), a = 1 + Math.max(...i.map((e) => e.row)), o = $.top + a * Ds + $.bottom, s = Sa([t, n === t ? t + 1 : n], [$.left, 640 - $.right]), c = v("g"), l = v("g", {
		class: "axes",
		"aria-hidden": "true"
	}), u = v("line", {
		class: "now",
		y1: $.top,
		y2: o - $.bottom
	}), d = v("title", {}, "Bands of tokens along the temperature axis"), f = v("svg", {
		viewBox: `0 0 640 ${o}`,
		class: "chart bands",
		role: "img"
	}, d, c, l, u);
	f.style.maxHeight = "none";
	let p = [t, 0];
	f.addEventListener("click", (e) => {
		let i = f.getBoundingClientRect(), a = s.invert((e.clientX - i.left) / i.width * f.viewBox.baseVal.width);
		r(Math.min(n, Math.max(t, a)));
	});
	let m = hn(f, o, (e) => {
		s.range([$.left, e - $.right]), x(c, ...i.map((e) => Ls(e, s))), x(l, ...s.ticks(Math.max(3, Math.round(e / 90))).flatMap((e) => [v("line", {
			class: "grid",
			x1: s(e),
			x2: s(e),
			y1: o - $.bottom,
			y2: o - $.bottom + 5
		}), v("text", {
			x: s(e),
			y: o - $.bottom + 18,
			"text-anchor": e === t ? "start" : e === n ? "end" : "middle"
		}, H(e))]), v("text", {
			x: e - $.right,
			y: o - 2,
			"text-anchor": "end"
		}, "temperature τ →")), h(...p);
	});
	function h(e, t) {
		p = [e, t], u.setAttribute("x1", String(s(e))), u.setAttribute("x2", String(s(e))), i.forEach((e, n) => c.children[n]?.classList.toggle("on", t >= e.first && t <= e.last));
	}
	return {
		element: f,
		show: h,
		close: m
	};
}
function Ls(e, t) {
	let n = t(e.from), r = Math.max(1.5, t(e.to) - n), i = Tn(e.token), a = Math.floor((r - 6) / ks);
	return v("g", { class: "band" }, v("rect", {
		x: n,
		y: $.top + e.row * Ds + 1,
		width: r,
		height: 20,
		rx: Math.min(3, r / 3)
	}), a >= Math.min(i.length, 2) ? v("text", {
		x: n + 4,
		y: $.top + e.row * Ds + 15
	}, i.length > a ? `${i.slice(0, a - 1)}…` : i) : null);
}
function Rs(e) {
	return _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "All texts"
	}, _("table", { class: "plain-table" }, _("thead", {}, _("tr", {}, ...[
		"τ from",
		"to",
		"text",
		"end",
		"log-probability, raw (nats)"
	].map((e) => _("th", { scope: "col" }, e)))), _("tbody", {}, ...e.leaves.map((t, n) => _("tr", {}, _("td", { class: "figure" }, H(t.temperature_low)), _("td", { class: "figure" }, H(t.temperature_high)), _("td", { dir: "auto" }, ...e.tokens[n].map(W)), _("td", {}, t.finish_reason), _("td", { class: "figure" }, t.logprob_raw.toFixed(3)))))));
}
function zs(e) {
	return [[
		"temperature_low",
		"temperature_high",
		"text",
		"finish_reason",
		"logprob_raw"
	], ...e.leaves.map((e) => [
		e.temperature_low,
		e.temperature_high,
		e.text,
		e.finish_reason,
		e.logprob_raw
	])];
}
// src/parts/bars.ts
function Bs(e, t, n, r) {
	let i = _("tbody"), a = [], o = Math.min(n, e.tokens.length, t.length);
	for (let n = 0; n < o; n++) {
		let o = Vs(e, n, t[n], r);
		a.push(o), i.append(o.element);
	}
	let s = u(), c = _("table", { class: "bars" }, _("caption", { class: "sr" }, "The most likely tokens, with their raw and processed probability"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
		scope: "col",
		class: "figure wide-only"
	}, "logit"), _("th", {
		scope: "col",
		class: "figure raw-ink"
	}, "raw"), _("th", {
		scope: "col",
		class: "figure processed-ink"
	}, "processed"), _("th", {
		scope: "col",
		class: "bar-head"
	}, _("span", { class: "sr" }, "bars and "), "what removed it"))), i, o < t.length ? _("tbody", { class: "tail" }, s.element) : null);
	function l(e) {
		let { raw: t, processed: n } = e, r = Ne(t, o), i = Ne(n, o), c = Math.max(j(t, 0), j(n, A(n, n.from)), r, i);
		a.forEach((r, i) => {
			let a = Nt(e, i);
			Us(r, j(t, i), j(n, i), c, a === null ? "" : P(a));
			let o = e.stages.some((e) => e.removed > 0 && e.after.order === void 0 && e.after.to === i + 1 && e.after.to < e.before.to);
			r.element.classList.toggle("last-kept", o);
		});
		let l = Pe(n, o);
		Us(s, r, i, c, ""), S(s.fate, `${V(l)} kept, ${V(I(t) - o - l)} removed`), s.element.classList.toggle("removed", l === 0);
	}
	function u() {
		return Hs(_("th", {
			scope: "row",
			class: "token-cell"
		}, `${V(t.length - o)} more tokens`), _("td", { class: "figure wide-only" }));
	}
	return {
		element: c,
		draw: l
	};
}
function Vs(e, t, n, r) {
	let i = e.tokens[t], a = W(i), o = _("th", {
		scope: "row",
		class: "token-cell",
		title: `${En(i)}; id ${e.ids[t]}, rank ${t + 1}`
	});
	return r ? x(o, _("button", {
		type: "button",
		class: "pick",
		"aria-label": `Continue with ${En(i)}`,
		onclick: () => r(t)
	}, a)) : x(o, a), Hs(o, _("td", { class: "figure wide-only" }, R(n)));
}
function Hs(e, t) {
	let n = _("td", { class: "figure raw-ink" }), r = _("td", { class: "figure processed-ink" }), i = _("span", { class: "bar bar-raw" }), a = _("span", { class: "bar bar-processed" }), o = _("span", { class: "wide-only" }), s = _("span");
	return {
		element: _("tr", {}, e, t, n, r, _("td", { class: "bar-cell" }, _("span", {
			class: "bar-box",
			"aria-hidden": "true"
		}, i, a), _("span", { class: "fate" }, o, s))),
		raw: n,
		processed: r,
		rawBar: i,
		processedBar: a,
		fate: s,
		by: o
	};
}
function Us(e, t, n, r, i) {
	S(e.raw, L(t)), S(e.processed, i ? "–" : L(n)), e.raw.dataset.value = String(t), e.processed.dataset.value = String(n), e.rawBar.style.transform = `scaleX(${t / r})`, e.processedBar.style.transform = `scaleX(${n / r})`, e.element.classList.toggle("removed", i !== ""), S(e.by, i ? "removed by " : ""), S(e.fate, i);
}
var Ws = {
	logits: {
		term: "logits",
		text: "One number per token, as the model gives them. Not normalised: only differences matter. Written z."
	},
	softmax: {
		term: "softmax",
		text: "p_i = exp(z_i/τ) / Σ_j exp(z_j/τ): from logits to probabilities at temperature τ."
	},
	temperature: {
		term: "temperature, τ",
		text: "The number that logits are divided by. It never reorders tokens. Below 1 the likely tokens gain, above 1 the others do. τ = 0 is greedy: always the most likely token."
	},
	raw: {
		term: "raw",
		text: "The model's own distribution: τ = 1, nothing removed."
	},
	tempered: {
		term: "tempered",
		text: "The whole vocabulary at another τ, nothing removed."
	},
	processed: {
		term: "processed",
		text: "What is left after all settings, renormalised. Sampling draws from this one."
	},
	logprob: {
		term: "logprob",
		text: "The natural logarithm of a probability, in nats. Of the raw or of the processed distribution: the two differ, and every logprob says which one it is."
	},
	nat: {
		term: "nat",
		text: "The unit of information with the natural logarithm. 1 nat is 1.44 bits."
	},
	"dark-knowledge": {
		term: "dark knowledge",
		text: "What the runners-up tell. After \"a pear is a kind of\", fruit is first, but that vegetable is well above tool says something about pears too. Distillation passes it on."
	},
	entropy: {
		term: "entropy",
		text: "H = −Σ p ln p, in nats: 0 if one token has it all, ln V if all V tokens are equally likely. It never falls as τ rises."
	},
	"effective-support": {
		term: "effective support",
		text: "e^H: the number of equally likely tokens that would be as uncertain."
	},
	margin: {
		term: "margin",
		text: "Logit of the best token minus that of the second, of the distribution that it names. The odds of first to second at τ are e^(margin/τ)."
	},
	"near-tie": {
		term: "near-tie",
		text: "A margin smaller than the numerical noise: another machine, batch or dtype may pick the other token."
	},
	"flip-risk": {
		term: "flip risk",
		text: "The probability that numerical noise changes the best token. All rivals count, not only the second."
	},
	nucleus: {
		term: "nucleus",
		text: "The smallest set of most likely tokens that holds a given share of the probability. top_p keeps it."
	},
	"kept-mass": {
		term: "kept mass",
		text: "The share of the probability that truncation leaves. Of a stage: of what came into the stage. Of a drawn token: of the distribution after temperature and penalties, before truncation. Kept raw mass is the raw probability of the tokens that survive."
	},
	leakage: {
		term: "leakage",
		text: "Probability outside the model's top 90 %: how often sampling leaves what the model itself finds likely."
	},
	interval: {
		term: "interval",
		text: "A server that returns its top 20 tokens does not tell the entropy; it bounds it. retort then prints low … high, and the truth is inside. For a statistic the interval is a confidence interval and says at which level."
	},
	chain: {
		term: "chain",
		text: "The ordered list of what is done to the logits, as in temperature=0.8 | top_k=50 | top_p=0.9. The order matters."
	},
	truncation: {
		term: "truncation",
		text: "Removing unlikely tokens: top-k, top-p, min-p and others (all of them). The rest is renormalised."
	},
	penalty: {
		term: "penalty",
		text: "Lowering the logits of tokens that have been used already."
	},
	seed: {
		term: "seed",
		text: "Fixes the noise. The noise is a function of seed, position and token, so a text does not depend on the batch that it was drawn in, and two settings with one seed can be compared in pairs."
	},
	path: {
		term: "temperature path",
		text: "The texts of one seed at every τ. The text changes only at certain temperatures; between them it is the same."
	},
	"exploit-explore": {
		term: "exploit, explore",
		text: "Tasks with one right answer, and tasks for which many different answers are right."
	},
	tied: {
		term: "statistically tied",
		text: "No difference between two settings is detectable with this much data. That is not proof that there is none."
	},
	detectable: {
		term: "detectable difference",
		text: "The smallest true difference that this many items would show four times in five."
	},
	planned: {
		term: "planned comparison",
		text: "One comparison that was named before the data was seen. Its interval is sharper than that of all pairs."
	},
	"pass-at-k": {
		term: "pass@k, pass^k",
		text: "The chance that at least one of k answers is right; that all of them are."
	},
	teacher: {
		term: "teacher, student",
		text: "The large model whose distribution is learnt from, and the small model that learns."
	},
	"hard-labels": {
		term: "hard labels",
		text: "The tokens of the text. Ordinary training."
	},
	"soft-targets": {
		term: "soft targets",
		text: "The teacher's whole distribution at a temperature, for each position."
	},
	control: {
		term: "control",
		text: "The same student trained on hard labels alone: same first weights, data, order and steps. Without it nobody knows what distilling added."
	},
	alpha: {
		term: "alpha, α",
		text: "The weight of the soft targets in the loss, α τ² KL + (1 − α) CE. Some libraries give it to the other term."
	},
	"equal-time": {
		term: "equal time",
		text: "The comparison in which the control may train as long, by the clock, as the distilled student did, the teacher's time included."
	}
};
// src/parts/help.ts
function Gs(e) {
	let t = Ws[e], n = _("span", {
		class: "help-note",
		role: "note"
	}, _("b", {}, t.term), `: ${t.text} `, _("span", { class: "meta" }, `docs/glossary.md#${e}`)), r = _("details", {
		class: "help",
		onkeydown: (e) => {
			e.key === "Escape" && r.open && (r.open = !1, r.querySelector("summary")?.focus());
		},
		onfocusout: (e) => {
			r.contains(e.relatedTarget) || (r.open = !1);
		}
	}, _("summary", { "aria-label": `What is ${t.term}?` }, "?"), n);
	return r;
}
// src/views/position.ts
var Ks = 20;
function qs(e, t, n) {
	let r = $t(e.logits), i = oe(e), { state: a, announce: o } = t, s, c = ln((e) => S(e), o, { heat: !1 }), l = Zo((e) => S(kt(b(), e))), u = _("div"), d = Bs(e, r, Ks, n), f = Bo(r.length), p = Zs(), m = _("ul", {
		class: "warnings",
		"aria-label": "Where the settings conflict"
	}), h = mn(ee), g = _("button", {
		type: "button",
		class: "quiet more",
		onclick: () => y(v * 3)
	}, "Show more tokens"), v = Ks;
	function y(t) {
		v = Math.min(t, e.tokens.length), d = Bs(e, r, v, n), x(u, d.element), g.hidden = v >= e.tokens.length, s !== void 0 && d.draw(s);
	}
	function b() {
		try {
			return Ct(a.get("chain") ?? e.chain);
		} catch {
			return Tt(e.chain).chain;
		}
	}
	function S(e) {
		a.set("chain", F(e.filter(ht)) || " ");
	}
	function ee() {
		let e = b();
		s = Mt(e, r, i), c.show(e), c.report(s.stages), l.show(Ot(e)), d.draw(s), f.draw(s), p.draw(s), x(m, ...s.warnings.map((e) => _("li", {}, e))), m.hidden = s.warnings.length === 0;
	}
	let C = a.listen((e) => e === "chain" && h()), w = _("div", { class: "position" }, Js(e), _("div", { class: "columns" }, _("section", {
		class: "card controls",
		"aria-label": "Settings"
	}, l.element, c.element, m), _("section", {
		class: "card",
		"aria-label": "Distribution of the next token"
	}, p.element, u, g)), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, `All ${V(r.length)} tokens by rank. `), Ys()), f.element));
	return y(Ks), ee(), performance.mark("retort-numbers"), {
		element: w,
		close: () => {
			C(), f.close();
		},
		download: {
			name: "retort-position",
			json: () => Qs(e, s),
			csv: () => $s(e, r, s),
			svg: () => f.element
		}
	};
}
function Js(e) {
	let t = wt(Tt(e.chain).others);
	return _("div", { class: "prompt" }, _("p", { class: "meta" }, `${e.model}, after`), _("p", {
		class: "tokens",
		dir: "auto"
	}, ...e.prompt_tokens.map(W)), e.note ? _("p", { class: "note" }, e.note) : null, t ? _("p", { class: "note" }, t) : null);
}
function Ys() {
	return _("span", { class: "legend" }, _("span", { class: "key key-raw" }, "raw: the model's own, τ = 1"), _("span", { class: "key key-processed" }, "processed: what sampling draws from"), _("span", { class: "key key-cut" }, "where a stage cuts"));
}
var Xs = [
	[
		"entropy",
		"entropy",
		"nats",
		"entropy",
		(e) => k(e.raw).entropy,
		(e) => k(e.processed).entropy
	],
	[
		"support",
		"effective support",
		"tokens, e^entropy",
		"effective-support",
		(e) => Ft(e.raw),
		(e) => Ft(e.processed)
	],
	[
		"kept",
		"tokens that can come",
		"",
		"truncation",
		(e) => I(e.raw),
		(e) => I(e.processed)
	]
];
function Zs() {
	let e = Xs.map(([e, t, n, r]) => {
		let i = _("span", {
			class: "raw-ink",
			"data-measure": `${e}-raw`
		}), a = _("b", {
			class: "processed-ink",
			"data-measure": e
		});
		return {
			raw: i,
			processed: a,
			element: _("div", { class: "measure" }, _("dt", {}, t, n ? _("small", {}, ` ${n}`) : null, " ", Gs(r)), _("dd", {}, a, " ", _("small", {}, "raw "), i))
		};
	}), t = _("b", { "data-measure": "kept-mass" }), n = _("b", { "data-measure": "leakage" }), r = _("b", { "data-measure": "margin" }), i = _("dl", { class: "measures" }, ...e.map((e) => e.element), _("div", { class: "measure" }, _("dt", {}, "mass kept ", _("small", {}, "of the tempered row"), " ", Gs("kept-mass")), _("dd", {}, t)), _("div", { class: "measure" }, _("dt", {}, "leakage ", _("small", {}, "probability outside the model's top 90 %"), " ", Gs("leakage")), _("dd", {}, n)), _("div", { class: "measure" }, _("dt", {}, "margin ", _("small", {}, "raw logits, 1st minus 2nd"), " ", Gs("margin")), _("dd", {}, r))), a = (e, t, n) => {
		S(e, n), e.dataset.value = String(t);
	};
	return {
		element: i,
		draw(i) {
			Xs.forEach(([, , , , t, n], r) => {
				a(e[r].raw, t(i), R(t(i))), a(e[r].processed, n(i), R(n(i)));
			});
			let o = i.stages.at(-1)?.keptMassTotal ?? 1;
			a(t, o, L(o)), a(n, Pt(i), L(Pt(i))), a(r, ve(i.raw), R(ve(i.raw)));
		}
	};
}
function Qs(e, t) {
	let { raw: n, processed: r } = t;
	return {
		model: e.model,
		prompt: e.prompt,
		vocabulary: e.vocabulary,
		chain: F(t.stages.map((e) => e.stage)),
		raw: {
			entropy_nats: k(n).entropy,
			effective_support: Ft(n),
			margin: ve(n)
		},
		processed: {
			entropy_nats: k(r).entropy,
			effective_support: Ft(r),
			kept: I(r)
		},
		stages: t.stages.map((e) => ({
			stage: P(e.stage),
			kept: e.kept,
			removed: e.removed,
			kept_mass: e.keptMass,
			kept_mass_total: e.keptMassTotal
		})),
		warnings: t.warnings,
		tokens: e.tokens.slice(0, 100).map((i, a) => ({
			token: i,
			id: e.ids[a],
			logit: n.logits[a],
			prob_raw: j(n, a),
			prob_processed: j(r, a),
			removed_by: ec(Nt(t, a))
		}))
	};
}
function $s(e, t, n) {
	return [[
		"rank",
		"id",
		"token",
		"logit",
		"prob_raw",
		"prob_processed",
		"removed_by"
	], ...e.tokens.map((r, i) => [
		i + 1,
		e.ids[i],
		r,
		t[i],
		j(n.raw, i),
		j(n.processed, i),
		ec(Nt(n, i))
	])];
}
function ec(e) {
	return e === null ? null : P(e);
}
// src/views/tour.ts
var tc = 8, nc = 3;
function rc(e, t) {
	let n = $t(e.position.logits), r = (t) => Math.max(0, e.position.tokens.indexOf(t)), i = {
		record: e,
		logits: n,
		first: r(e.first),
		right: r(e.right)
	}, { state: a, announce: o } = t, s = _("div", { class: "tour-body" }), c, l = ic.map((e, t) => _("li", {}, _("button", {
		type: "button",
		class: "quiet",
		onclick: () => a.set("step", String(t + 1))
	}, `${t + 1}. ${e.title}`))), u = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => p(-1)
	}, "← Back"), d = _("button", {
		type: "button",
		class: "primary",
		onclick: () => p(1)
	}, "Next →");
	function f() {
		let e = Number(a.get("step") ?? "1");
		return Number.isInteger(e) && e >= 1 && e <= ic.length ? e - 1 : 0;
	}
	function p(e) {
		a.set("step", String(Math.min(ic.length, Math.max(1, f() + 1 + e)))), s.querySelector("h2")?.focus();
	}
	function m() {
		let e = f(), t = ic[e];
		c?.close?.(), c = t.widget(i), l.forEach((t, n) => t.firstElementChild.toggleAttribute("aria-current", n === e)), u.disabled = e === 0, d.disabled = e === ic.length - 1, x(s, _("h2", { tabindex: "-1" }, `${e + 1}. ${t.title}`), ...t.idea.map((e) => _("p", {}, e)), _("div", { class: "card" }, c.element), _("details", { class: "card question" }, _("summary", {}, _("b", {}, "Question: "), t.question), _("p", {}, t.answer))), o(`Step ${e + 1} of ${ic.length}: ${t.title}`);
	}
	let h = a.listen((e) => e === "step" && m());
	return m(), {
		element: _("div", { class: "tour" }, _("p", { class: "meta" }, `${e.position.model} after “${e.position.prompt}”: one recorded row of ${V(n.length)} logits. Everything below is computed from it in this page.`), _("nav", { "aria-label": "Steps of the tour" }, _("ol", { class: "tour-steps" }, ...l)), s, _("p", { class: "tour-go" }, u, " ", d)),
		download: null,
		close: () => {
			h(), c?.close?.();
		}
	};
}
var ic = [
	{
		title: "Logits and softmax",
		idea: ["A language model ends in one number for each token that it knows: the logits. They are not probabilities. Softmax makes them so: raise e to each logit, and divide by the sum over all tokens.", "Only differences count. Raise one logit and its token takes probability from all the others, each in proportion to what it has."],
		widget: sc,
		question: "What changes if every logit grows by 5?",
		answer: "Nothing. Every e^logit grows by the same factor, e⁵, and so does their sum: the factor cancels. That is why a logit alone means nothing, and why softmax can subtract the largest one first, so that nothing overflows."
	},
	{
		title: "What temperature does",
		idea: ["Temperature τ divides every logit before the softmax. Below 1 the gaps grow, so the likely tokens take more. Above 1 the gaps shrink, so the unlikely ones gain.", "It never changes the order. Move the slider and look at the rows: no token overtakes another."],
		widget: cc,
		question: "What does τ → 0 become?",
		answer: "Greedy decoding: the token with the largest logit gets all the probability, and the same prompt gives the same text, as far as the arithmetic repeats itself. τ → ∞ is the other end: every token becomes equally likely."
	},
	{
		title: "Entropy and the runners-up",
		idea: ["Entropy says how uncertain the distribution is, in nats. e^entropy is the number of equally likely tokens that would be as uncertain.", "The runners-up are knowledge too. Here the most likely token is the famous city; the right answer is second, close behind. At τ = 0 it never comes. Some call this dark knowledge: it is in the model, and only sampling or a student can reach it."],
		widget: lc,
		question: "Why can τ = 0.7 give another answer than τ = 0, and is it then more correct?",
		answer: "Because a draw may take a runner-up; the order has not changed. It is more often correct only where the right answer is not at the top, as here. Where the top answer is right, every draw that leaves it is a loss."
	},
	{
		title: "Truncation and its order",
		idea: ["Truncation removes unlikely tokens before the draw: top-k keeps the k most likely, top-p the smallest set that holds a share p of the probability. What is left is scaled up to sum to one.", "Top-p depends on the temperature that acts before it. The same two settings in another order keep other tokens, and engines do not agree on the order."],
		widget: dc,
		question: "Temperature 2 with top-k 5 and top-p 0.3: which of them decides?",
		answer: "The truncations do. The high temperature asks for variety, and then top-k and top-p together keep one or a few tokens: fewer than either would alone. Set the temperature first, then one truncation."
	},
	{
		title: "From teacher to student",
		idea: ["A small model can learn from a large one. Instead of the one right token (a hard label) it is shown the teacher's whole distribution (a soft target). A higher τ lifts the runners-up, so the student sees what is similar to what.", "The gradient of the soft loss shrinks as 1/τ², so the loss is multiplied by τ² to keep the two parts in balance."],
		widget: fc,
		question: "Why do people use τ = 3 to 4 for distilling?",
		answer: "At τ = 1 a sure teacher is almost a hard label: the runners-up weigh too little to teach. At 3 to 4 they weigh enough. Much higher, all tokens look alike and the signal drowns. It is a custom and not a law: on our own language models τ = 1 did better in short trainings. Always compare with the same student trained on hard labels."
	}
];
function ac(e, t) {
	let n = Array.from({ length: 9 }, (t, n) => {
		let r = _("td", { class: "figure" }), i = _("span", { class: "bar bar-processed" }), a = n < tc ? W(e.record.position.tokens[n]) : `${V(e.logits.length - tc)} more tokens`, o = _("td", { class: "figure wide-only" });
		return {
			element: _("tr", {}, _("th", {
				scope: "row",
				class: "token-cell"
			}, a), o, r, _("td", { class: "bar-cell" }, _("span", {
				class: "bar-box one",
				"aria-hidden": "true"
			}, i))),
			value: r,
			bar: i,
			extra: o
		};
	}), r = _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
		scope: "col",
		class: "figure wide-only"
	}, "logit"), _("th", {
		scope: "col",
		class: "figure"
	}, "probability"), _("th", { scope: "col" }, _("span", { class: "sr" }, "bar")));
	return {
		element: _("table", { class: "bars" }, _("caption", { class: "sr" }, t), _("thead", {}, r), _("tbody", {}, ...n.map((e) => e.element))),
		draw(e, t, r = () => !1) {
			n.forEach((n, i) => {
				let [a, o] = i < tc ? e(i) : [t, ""];
				S(n.value, r(i) ? "removed" : L(a)), S(n.extra, o), n.bar.style.transform = `scaleX(${r(i) ? 0 : a})`, n.element.classList.toggle("removed", r(i));
			});
		}
	};
}
function oc(e, t, n, r, i, a) {
	let o = C("tour"), s = _("output", {
		for: o,
		class: "tau-value"
	}, i(r)), c = _("input", {
		id: o,
		type: "range",
		class: "tau",
		min: t,
		max: n,
		step: .05,
		value: r,
		"aria-valuetext": i(r),
		oninput: () => {
			let e = Number(c.value);
			S(s, i(e)), c.setAttribute("aria-valuetext", i(e)), a(e);
		}
	});
	return _("div", { class: "tau-box" }, _("label", { for: o }, e), s, c);
}
function sc(e) {
	let { explanation: t, table: n } = pc(e, "temperature=1", "Logits and probabilities of the most likely tokens"), r = j(t.raw, e.right), i = 0, a = mn(() => {
		let a = 1 + r * (Math.exp(i) - 1), o = (n) => j(t.raw, n) * (n === e.right ? Math.exp(i) : 1) / a;
		n.draw((t) => [o(t), R(e.logits[t] + (t === e.right ? i : 0))], Ne(t.raw, tc) / a);
	});
	return a(), { element: _("div", {}, oc(`add to the logit of ${Tn(e.record.right)}`, -4, 4, 0, (e) => R(e), (e) => (i = e, a())), n.element) };
}
function cc(e) {
	let t = ac(e, "Probability of the most likely tokens at this temperature"), n = 1, r = mn(() => {
		let { processed: r } = mc(e, n);
		t.draw((t) => [n === 0 ? Number(t === 0) : j(r, t), R(e.logits[t])], n === 0 ? 0 : Ne(r, tc));
	});
	return r(), { element: _("div", {}, hc((e) => (n = e, r())), t.element) };
}
function lc(e) {
	let t = Za(240), n = _("b"), r = _("b"), i = [e.first, e.right].map((e) => ({
		rank: e,
		value: _("b")
	})), a = Array.from({ length: 60 }, (e, t) => nc * (t + 1) / 60), o = i.map(({ rank: t }) => a.map((n) => ({
		x: n,
		y: j(mc(e, n).processed, t)
	}))), s = 1, c = mn(() => {
		let { processed: a } = mc(e, s);
		S(n, `${R(k(a).entropy)} nats`), S(r, R(Ft(a)));
		for (let { rank: e, value: t } of i) S(t, L(s === 0 ? Number(e === 0) : j(a, e)));
		t.draw({
			title: "Probability of the two answers against temperature",
			x: "temperature τ",
			y: "probability",
			yFrom: 0,
			yTo: 1,
			mark: s,
			series: o.map((t, n) => ({
				name: _c(e, i[n].rank),
				ink: n === 0 ? "second" : "accent",
				points: t,
				thin: !0
			}))
		});
	});
	c();
	let l = e.record.draws.map(({ temperature: e, texts: t }) => _("tr", {}, _("th", { scope: "row" }, `τ = ${H(e)}`), _("td", {}, t.join(" · "))));
	return {
		element: _("div", {}, hc((e) => (s = e, c())), _("dl", { class: "measures" }, gc("entropy, nats, at this τ", n, "entropy"), gc("effective support, tokens", r, "effective-support"), ...i.map(({ rank: t, value: n }) => gc(`probability of ${_c(e, t)}`, n))), t.element, l.length > 0 ? _("table", { class: "draws" }, _("caption", {}, "What ten draws said at each temperature"), _("tbody", {}, ...l)) : null),
		close: t.close
	};
}
var uc = [
	"top_p=0.9",
	"temperature=2 | top_p=0.9",
	"top_p=0.9 | temperature=2",
	"temperature=2 | top_k=5 | top_p=0.3"
];
function dc(e) {
	let t = ac(e, "What these settings leave of the most likely tokens"), n = _("p", {
		class: "meta",
		role: "status"
	}), r = _("ul", {
		class: "warnings",
		"aria-label": "Where the settings conflict"
	}), i = C("chain"), a = (i) => {
		let a = Mt(Ct(i), e.logits), o = I(a.processed);
		t.draw((t) => [j(a.processed, t), R(e.logits[t])], Ne(a.processed, tc), (e) => e < tc ? Nt(a, e) !== null : o <= tc), S(n, `${V(o)} of ${V(e.logits.length)} tokens are kept.`), x(r, ...a.warnings.map((e) => _("li", {}, e))), r.hidden = a.warnings.length === 0;
	}, o = uc.map((e, t) => _("label", { class: "choice" }, _("input", {
		type: "radio",
		name: i,
		value: e,
		checked: t === 0,
		onchange: () => a(e)
	}), " ", _("code", {}, e)));
	return a(uc[0]), { element: _("div", {}, _("fieldset", { class: "choices" }, _("legend", {}, "Settings, in the order in which they act"), ...o), n, t.element, r) };
}
function fc(e) {
	let t = ac(e, "The teacher's soft target at this temperature"), n = _("b"), r = _("b"), i = (i) => {
		let { processed: a } = mc(e, i);
		t.draw((t) => [j(a, t), R(e.logits[t])], Ne(a, tc)), S(n, L(1 - j(a, 0))), S(r, `1/${R(i * i)}`);
	};
	return i(1), { element: _("div", {}, oc("temperature of the soft targets", .5, 8, 1, (e) => `τ = ${H(e)}`, i), _("dl", { class: "measures" }, gc("probability of the runners-up, all together", n), gc("scale of the soft gradient, before τ²", r)), t.element, _("p", { class: "meta" }, "A hard label would be 100 % on one token and nothing on the others.")) };
}
function pc(e, t, n) {
	return {
		explanation: Mt(Ct(t), e.logits),
		table: ac(e, n)
	};
}
function mc(e, t) {
	return Mt([{
		name: "temperature",
		value: t
	}], e.logits);
}
function hc(e) {
	return oc("temperature", 0, nc, 1, (e) => `τ = ${H(e)}${e === 0 ? ", greedy" : e === 1 ? ", the model's own" : ""}`, e);
}
function gc(e, t, n) {
	return _("div", { class: "measure" }, _("dt", {}, e, " ", n ? Gs(n) : null), _("dd", {}, t));
}
function _c(e, t) {
	return e.record.position.tokens[t].trim();
}
// src/views/text.ts
var vc = 6, yc = 1e3, bc = [
	{
		name: "entropy",
		label: "entropy",
		what: "entropy of the raw distribution",
		heat: (e) => e.entropy_nats / vc,
		shown: (e) => z(e.entropy_nats),
		ends: ["0 nats: sure", `${vc} nats or more`]
	},
	{
		name: "rank",
		label: "rank",
		what: "rank of the token that stands here",
		heat: (e) => Math.log(e.rank) / Math.log(yc),
		shown: (e) => `rank ${V(e.rank)}`,
		ends: ["the first choice", `rank ${V(yc)} or beyond`]
	},
	{
		name: "flip",
		label: "flip risk",
		what: "chance that numerical noise makes another token the most likely one",
		heat: (e) => 2 * e.flip_risk,
		shown: (e) => `flip risk ${L(e.flip_risk)}`,
		ends: ["safe at τ = 0", "a coin toss"]
	}
];
function xc(e, t, n) {
	let r = `${e.model}, seed ${e.seed}, drawn through ${e.chain || "no chain (raw)"}`;
	return hs({
		tokens: e.tokens,
		prompt: e.prompt_tokens,
		measures: bc,
		head: [_("p", { class: "meta" }, e.finish_reason === "" ? "Writing …" : r), e.note ? _("p", { class: "note" }, e.note) : null],
		totals: Sc(e),
		describe: (t) => Cc(e, t, n),
		json: () => e,
		csv: () => Tc(e)
	}, t);
}
function Sc(e) {
	return `${an(e.tokens.length)}: log-probability ${z(e.totals.logprob_raw)} (raw, summed), mean entropy ${z(e.totals.entropy_nats)}, chance that a greedy replay differs somewhere ${L(e.totals.flip_risk)} (noise ${R(e.noise_scale)} logits)`;
}
function Cc(e, t, n) {
	let r = e.tokens[t], i = Math.max(...r.alternatives.map((e) => Math.max(e.prob_raw, e.prob_processed)), 1e-12), a = [
		["rank", V(r.rank)],
		["log-probability, raw", z(r.logprob_raw)],
		["log-probability, processed", r.logprob_processed === null ? "cannot come" : z(r.logprob_processed)],
		["entropy, raw", z(r.entropy_nats)],
		["entropy, processed", z(r.entropy_processed_nats)],
		["margin, raw logits", R(r.margin)],
		["tokens kept", V(r.kept)],
		["mass kept", L(r.kept_mass)],
		["flip risk", L(r.flip_risk)]
	];
	return [
		_("h2", {}, _("small", {}, `${t + 1} of ${e.tokens.length} `), W(r.token), _("small", {}, r.given ? " given" : " drawn")),
		r.removed_by ? _("p", { class: "error" }, `${r.removed_by} would have removed it`) : _("p", { hidden: !0 }),
		_("dl", { class: "facts" }, ...a.map(([e, t]) => _("div", {}, _("dt", {}, e), _("dd", {}, t)))),
		_("table", { class: "bars alternatives" }, _("caption", {}, n ? "Could have stood here; choose one to branch" : "Could have stood here"), _("thead", { class: "sr" }, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", { scope: "col" }, "raw"), _("th", { scope: "col" }, "processed"), _("th", { scope: "col" }, "bar"))), _("tbody", {}, ...r.alternatives.map((e) => wc(e, r, i, n && (() => n.branch(t, e.id))))))
	];
}
function wc(e, t, n, r) {
	let i = e.id === t.id, a = W(e.token), o = _("span", { class: "bar bar-raw" }), s = _("span", { class: "bar bar-processed" });
	o.style.transform = `scaleX(${e.prob_raw / n})`, s.style.transform = `scaleX(${e.prob_processed / n})`;
	let c = r && !i ? _("button", {
		type: "button",
		class: "pick",
		onclick: r,
		"aria-label": `Branch here with ${En(e.token)}`
	}, a) : a;
	return _("tr", {
		class: e.prob_processed === 0 ? "removed" : "",
		"aria-current": i ? "true" : null
	}, _("th", {
		scope: "row",
		class: "token-cell"
	}, c), _("td", { class: "figure raw-ink" }, L(e.prob_raw)), _("td", { class: "figure processed-ink" }, e.prob_processed === 0 ? "–" : L(e.prob_processed)), _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, o, s)));
}
function Tc(e) {
	return [[
		"place",
		"id",
		"token",
		"given",
		"rank",
		"logprob_raw",
		"logprob_processed",
		"entropy_nats",
		"margin",
		"kept",
		"kept_mass",
		"removed_by",
		"flip_risk"
	], ...e.tokens.map((e, t) => [
		t + 1,
		e.id,
		e.token,
		String(e.given),
		e.rank,
		e.logprob_raw,
		e.logprob_processed,
		e.entropy_nats,
		e.margin,
		e.kept,
		e.kept_mass,
		e.removed_by,
		e.flip_risk
	])];
}
function Ec(e, t) {
	let n = [...e?.tokens ?? [], t], r = (e) => n.reduce((t, n) => t + e(n), 0);
	return {
		model: "writing",
		note: null,
		prompt: "",
		prompt_tokens: [],
		chain: "",
		seed: 0,
		finish_reason: "",
		text: "",
		tokens: n,
		totals: {
			logprob_raw: r((e) => e.logprob_raw),
			entropy_nats: r((e) => e.entropy_nats) / n.length,
			flip_risk: 1 - n.reduce((e, t) => e * (1 - t.flip_risk), 1)
		},
		noise_scale: NaN
	};
}
// src/views/tune.ts
function Dc(e, t) {
	let n = e.settings.map((t, n) => Mc(t, e.axis) ?? n), r = e.settings.every((t) => Mc(t, e.axis) !== null), i = e.recommendation, a = Za(), o = Za(200), s = r ? Nc(i.region) : void 0, c = {
		x: r ? Pc(e.axis) : "setting, as in the table",
		...s && { region: [s[0], s.at(-1)] },
		...r && typeof i.setting == "number" ? { mark: i.setting } : {},
		...r ? {} : { ticks: n.map((e) => [e, String(e + 1)]) }
	}, l = (t, r) => e.settings.flatMap((e, i) => {
		let a = t(e);
		return a === null ? [] : [{
			x: n[i],
			y: a,
			...r && {
				low: r(e)[0],
				high: r(e)[1]
			}
		}];
	});
	a.draw({
		...c,
		title: `Quality of ${e.model} on ${e.task}`,
		y: e.score,
		series: [{
			name: "score",
			ink: "accent",
			points: l((e) => e.score, (e) => e.score_ci)
		}]
	});
	let u = [{
		name: "distinct answers",
		ink: "second",
		points: l((e) => e.distinct)
	}, {
		name: "agreement of two answers",
		ink: "raw",
		dashed: !0,
		points: l((e) => e.agreement)
	}].filter((e) => e.points.length > 0);
	return o.draw({
		...c,
		title: "Variety of the answers",
		y: "share",
		yFrom: 0,
		yTo: 1,
		series: u
	}), {
		element: _("div", {}, _("section", {
			class: "card",
			"aria-label": "Recommendation"
		}, _("p", { class: "meta" }, `${e.model} on ${e.task} (${e.goal}): ${V(e.items)} items, ${V(e.samples_per_item)} answers each, seed ${e.seed}${e.chain ? `, drawn through ${e.chain}` : ""}`), _("h2", { class: "verdict" }, `Recommended: ${Fc(i.setting, e.axis)}`), _("p", {}, i.reason), _("dl", { class: "facts recommendation" }, ...Oc(e))), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Quality. "), _("small", {}, `${e.score}; the band is each setting's own 95 % interval, the shaded stretch what cannot be told from the best, the dashed line what is recommended.`)), a.element), u.length === 0 ? null : _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Variety. "), _("span", { class: "legend" }, _("span", { class: "key key-second" }, "distinct: share of an item's answers that differ"), _("span", { class: "key key-dashed" }, "agreement: share of pairs that are the same"))), o.element), _("section", {
			class: "card scroll",
			tabindex: 0,
			"aria-label": "All settings"
		}, kc(e)), jc(e)),
		close: () => {
			a.close(), o.close();
		},
		download: {
			name: "retort-tune",
			json: () => e,
			csv: () => [[
				"setting",
				"score",
				"score_low",
				"score_high",
				"distinct",
				"agreement",
				"samples",
				...Ac.map(([e]) => e)
			], ...e.settings.map((e) => [
				Fc(e.temperature ?? e.setting, null),
				e.score,
				...e.score_ci,
				e.distinct,
				e.agreement,
				e.samples,
				...Ac.map(([t]) => e.variety?.[t] ?? null)
			])],
			svg: () => a.element
		}
	};
}
function Oc(e) {
	let t = e.recommendation, n = [
		[`score less that at ${Fc(t.reference, e.axis)}`, `${B(t.difference, 3)} (${B(t.difference_ci[0], 3)} to ${B(t.difference_ci[1], 3)}, for all pairs together)`],
		["told apart from any other", t.detectable ? "yes" : "no"],
		["advantage on held-out items", t.held_out_difference === null ? "–" : `${B(t.held_out_difference, 3)}${t.held_out_ci ? ` (${B(t.held_out_ci[0], 3)} to ${B(t.held_out_ci[1], 3)})` : ""}`],
		["chosen again on half the items", t.chosen_again === null ? "–" : `${Math.round(100 * t.chosen_again)} %`],
		["smallest difference that would show", t.minimum_detectable_difference === null ? "–" : R(t.minimum_detectable_difference)]
	];
	return e.forward_passes !== null && e.independent_passes !== null && n.push(["forward passes", `${V(e.forward_passes)}, against ${V(e.independent_passes)} one by one`]), n.map(([e, t]) => _("div", {}, _("dt", {}, e), _("dd", {}, t)));
}
function kc(e) {
	let t = [
		"",
		Pc(e.axis),
		"score",
		"95 % interval",
		"distinct",
		"agreement",
		"answers"
	];
	return _("table", { class: "plain-table numeric" }, _("caption", { class: "sr" }, "Every setting with its score and variety"), _("thead", {}, _("tr", {}, ...t.map((e) => _("th", { scope: "col" }, e || _("span", { class: "sr" }, "setting"))))), _("tbody", {}, ...e.settings.map((t, n) => {
		let r = t.temperature ?? t.setting, i = JSON.stringify(r) === JSON.stringify(e.recommendation.setting);
		return _("tr", { class: i ? "chosen" : "" }, _("td", {}, i ? "→" : String(n + 1)), _("th", { scope: "row" }, Fc(r, null)), _("td", {
			class: "figure",
			"data-value": t.score
		}, t.score.toFixed(3)), _("td", { class: "figure" }, `${t.score_ci[0].toFixed(3)} to ${t.score_ci[1].toFixed(3)}`), _("td", { class: "figure" }, R(t.distinct)), _("td", { class: "figure" }, R(t.agreement)), _("td", { class: "figure" }, V(t.samples)));
	})));
}
var Ac = [
	["distinct_1", "distinct words"],
	["distinct_2", "distinct pairs of words"],
	["self_bleu", "self-BLEU"],
	["vendi", "Vendi score"],
	["semantic_distinct", "groups of alike answers"]
];
function jc(e) {
	let t = e.settings.find((e) => e.variety)?.variety;
	if (!t) return null;
	let n = Ac.filter(([t]) => e.settings.some((e) => typeof e.variety?.[t] == "number"));
	return _("section", {
		class: "card scroll",
		tabindex: 0,
		"aria-label": "Other measures of variety"
	}, _("p", {}, _("b", {}, "Variety, in other ways. "), _("small", {}, `Means over ${t.items} items, of up to ${t.answers} answers each, compared by ${t.likeness}.`)), _("table", { class: "plain-table numeric" }, _("caption", { class: "sr" }, "Every setting with the other measures of variety"), _("thead", {}, _("tr", {}, ...[Pc(e.axis), ...n.map(([, e]) => e)].map((e) => _("th", { scope: "col" }, e)))), _("tbody", {}, ...e.settings.map((e) => _("tr", {}, _("th", { scope: "row" }, Fc(e.temperature ?? e.setting, null)), ...n.map(([t]) => _("td", { class: "figure" }, R(e.variety?.[t]))))))));
}
function Mc(e, t) {
	let n = t ? e.setting?.[t] ?? (t === "temperature" ? e.temperature : null) : null;
	return typeof n == "number" ? n : null;
}
function Nc(e) {
	return e.length > 0 && e.every((e) => typeof e == "number") ? e : void 0;
}
function Pc(e) {
	return e === "temperature" ? "temperature τ" : e ?? "setting";
}
function Fc(e, t) {
	return typeof e == "number" ? t === "temperature" ? `τ = ${H(e)}` : t ? `${t} = ${H(e)}` : H(e) : typeof e == "object" && e ? Object.entries(e).map(([e, t]) => `${e}=${t}`).join(" ") : String(e);
}
// src/app.ts
function Ic(e, t, { address: n, tabs: r = Rc(t) }) {
	let i = _("div", {
		class: "sr",
		role: "status",
		"aria-live": "polite"
	}), a = {
		data: t,
		state: new T(n),
		announce: (e) => i.textContent = e
	}, o = _("div", {
		role: "tabpanel",
		tabindex: "-1",
		class: "panel"
	}), s = null, l = r.map((e) => _("button", {
		type: "button",
		role: "tab",
		id: C("tab"),
		onclick: () => a.state.set("view", e.name)
	}, e.label)), u = _("div", {
		role: "tablist",
		"aria-label": "Views",
		class: "tabs",
		onkeydown: d
	}, ...l);
	function d(e) {
		let t = l.indexOf(document.activeElement), n = {
			ArrowRight: 1,
			ArrowLeft: -1
		}[e.key], i = e.key === "Home" ? 0 : e.key === "End" ? l.length - 1 : n === void 0 ? null : t + n;
		if (i === null) return;
		e.preventDefault();
		let o = (i + l.length) % l.length;
		l[o].focus(), a.state.set("view", r[o].name);
	}
	function f() {
		let e = Math.max(0, r.findIndex((e) => e.name === a.state.get("view")));
		l.forEach((t, n) => {
			t.setAttribute("aria-selected", String(n === e)), t.tabIndex = n === e ? 0 : -1;
		}), s?.close(), s = r[e]?.open(a) ?? null, o.setAttribute("aria-labelledby", l[e]?.id ?? ""), x(o, s?.element ?? _("p", {}, "This page holds nothing to show."));
	}
	let p = _("details", {
		class: "menu",
		onkeydown: (e) => {
			e.key === "Escape" && p.open && (p.open = !1, p.querySelector("summary")?.focus());
		},
		onfocusout: (e) => {
			p.contains(e.relatedTarget) || (p.open = !1);
		}
	}, _("summary", {}, "Download"), _("div", { class: "menu-list" }, ...[
		["json", "JSON"],
		["csv", "CSV"],
		["svg", "SVG"],
		["png", "PNG"]
	].map(([e, t]) => _("button", {
		type: "button",
		class: "quiet",
		onclick: () => {
			p.open = !1, s?.download && c(s.download, e).then(() => a.announce(`${t} saved`));
		}
	}, t)))), m = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => void Lc(a)
	}, "Copy link");
	e.classList.add("retort"), x(e, _("header", { class: "head" }, _(n ? "h1" : "p", { class: "brand" }, "retort"), u, _("div", { class: "tools" }, n ? m : null, p, ie(e))), _(n ? "main" : "div", {}, o), i);
	let h = a.state.listen((e) => e === "view" && f());
	return f(), performance.mark("retort-controls"), () => {
		h(), s?.close(), e.replaceChildren();
	};
}
async function Lc(e) {
	try {
		await navigator.clipboard.writeText(e.state.link()), e.announce("Link copied");
	} catch {
		history.replaceState(null, "", e.state.link()), e.announce("The link is in the address bar");
	}
}
function Rc(e) {
	let t = [], { tour: n, position: r, text: i, path: a, compare: o, tune: s, distil: c } = e;
	return n && t.push({
		name: "tour",
		label: "Tour",
		open: (e) => rc(n, e)
	}), r && t.push({
		name: "position",
		label: "Position",
		open: (e) => se(r) ? es(r, e) : qs(r, e)
	}), i && t.push({
		name: "text",
		label: "Text",
		open: (e) => se(i) ? bs(i, e) : xc(i, e)
	}), a && t.push({
		name: "path",
		label: "Path",
		open: (e) => As(a, e)
	}), o && t.push({
		name: "compare",
		label: "Compare",
		open: (e) => se(o) ? as(o, e) : On(o, e)
	}), s && t.push({
		name: "tune",
		label: "Tune",
		open: (e) => Dc(s, e)
	}), c && t.push({
		name: "distil",
		label: "Distil",
		open: (e) => ro(c, e)
	}), t;
}
// src/parts/runForm.ts
function zc(t) {
	let { api: n, state: r, fields: i } = t, a = null, o = new Map(i.map((e) => [e.name, Bc(e, r)])), s = _("button", {
		type: "submit",
		class: "solid"
	}, t.verb), c = _("button", {
		type: "button",
		class: "quiet",
		hidden: !0,
		onclick: () => a?.stop()
	}, "Stop"), l = _("progress", {
		max: 1,
		"aria-label": `${t.verb}: progress`,
		hidden: !0
	}), u = _("p", { class: "meta news" }), d = _("p", {
		class: "error",
		role: "alert"
	}), f = _("form", {
		class: "card run-form",
		"aria-label": t.verb
	}, _("div", { class: "fields" }, ...i.map((e) => _("div", { class: `field field-${e.kind}` }, _("label", { for: o.get(e.name).id }, e.label), o.get(e.name), e.hint ? _("small", {}, e.hint) : null))), _("div", { class: "form-foot" }, s, c, l, u), d);
	f.addEventListener("submit", (e) => {
		e.preventDefault(), h();
	}), f.addEventListener("keydown", (e) => {
		e.key === "Enter" && (e.ctrlKey || e.metaKey) && h(), e.key === "Escape" && a?.stop();
	});
	let p = r.listen((e) => {
		let t = o.get(e), n = i.find((t) => t.name === e);
		t && n && document.activeElement !== t && (t.value = r.get(e) ?? n.initial);
	});
	function m() {
		return Object.fromEntries([...o].map(([e, t]) => [e, t.value]));
	}
	function h() {
		let i = m();
		for (let [e, t] of Object.entries(i)) r.set(e, t);
		a?.stop(), S(d, "");
		let o;
		try {
			o = t.body(i);
		} catch (e) {
			S(d, e.message);
			return;
		}
		t.onStart?.();
		let s = n.start(t.kind, o, {
			onProgress: ({ done: e, total: t, detail: n }) => {
				l.hidden = !1, l.max = t || 1, l.value = e, S(u, n || `${V(e)} of ${V(t)}`);
			},
			onLost: () => S(u, "The connection was lost; trying again …"),
			onTold: (e, n) => t.onTold?.(e, n)
		});
		a = s, g(!0), s.result.then((e) => {
			a === s && (S(u, ""), t.onRecord(e, i), t.announce(`${t.verb}: done`));
		}).catch((t) => {
			a === s && (S(u, ""), t instanceof e ? S(u, "Stopped.") : S(d, t.message));
		}).finally(() => {
			a === s && (a = null, g(!1));
		});
	}
	function g(e) {
		c.hidden = !e, l.hidden = !0, e && (l.hidden = !1, l.removeAttribute("value")), f.setAttribute("aria-busy", String(e));
	}
	return n.mayRun || (s.disabled = !0, S(d, "To run a model, open the address that retort studio printed when it started: it carries the token.")), {
		element: f,
		run: () => n.mayRun && h(),
		close: () => {
			p(), a?.stop();
		}
	};
}
function Bc(e, t) {
	let n = C(e.name), r = e.name, i = t.get(r) ?? e.initial;
	if (e.kind === "choice") {
		let t = _("select", {
			id: n,
			name: r
		});
		x(t, ...(e.choices ?? []).map((e) => _("option", { value: e }, e))), t.value = e.choices?.includes(i) ? i : e.initial;
		let a = () => t.title = t.value;
		return t.addEventListener("change", a), a(), t;
	}
	if (e.kind === "lines") {
		let e = _("textarea", {
			id: n,
			name: r,
			rows: 2,
			dir: "auto",
			spellcheck: "false"
		});
		return e.value = i, e;
	}
	let a = _("input", {
		id: n,
		name: r,
		type: "text",
		inputmode: e.kind === "number" ? "decimal" : "text",
		dir: "auto",
		autocomplete: "off"
	});
	return a.value = i, a;
}
// src/studio.ts
var Vc = "The sky is", Hc = /* @__PURE__ */ new Map(), Uc = ["continuation", "given"];
function Wc(e, { models: t, tasks: n, recipes: r }) {
	let i = {
		name: "model",
		label: "Model",
		kind: "choice",
		initial: t[0],
		choices: t
	}, a = {
		name: "prompt",
		label: "Prompt",
		kind: "lines",
		initial: Vc,
		hint: "Ctrl+Enter asks, Esc stops"
	}, o = {
		name: "seed",
		label: "Seed",
		kind: "number",
		initial: "0"
	}, s = {
		name: "max_tokens",
		label: "Most tokens",
		kind: "number",
		initial: "24"
	}, c = {
		name: "chain",
		label: "Chain",
		kind: "chain",
		initial: "temperature=0.8 | top_p=0.9"
	}, l = {
		name: "truncations",
		label: "Chain around the temperature",
		kind: "chain",
		initial: "",
		hint: "for example top_p=0.9"
	}, u = {
		name: "temperatures",
		label: "Temperatures",
		kind: "text",
		initial: "0:2:41",
		hint: "first:last:count, or a list"
	};
	return [
		Gc(e, {
			name: "position",
			label: "Position",
			kind: "position",
			verb: "Look",
			eager: !0,
			picks: !0,
			fields: [i, a],
			body: ({ model: e, prompt: t }, { state: n }) => ({
				model: e,
				prompt: t,
				continuation: Yc(n.get("continuation"))
			}),
			view: (e, t, n) => se(e) ? es(e, t, (r) => {
				t.state.set("prompt", e.prompt + r), n();
			}) : qs(e, t, (r) => {
				let i = Yc(t.state.get("continuation"));
				t.state.set("continuation", [...i, e.ids[r]].join(",")), n();
			})
		}),
		Gc(e, {
			name: "text",
			label: "Text",
			kind: "text",
			verb: "Write",
			picks: !0,
			live: (e, t, n) => t === "token" ? n.entropy_processed_nats === null ? Es(e, n) : Ec(e, n) : null,
			fields: [
				i,
				a,
				c,
				o,
				s
			],
			body: ({ model: e, prompt: t, chain: n, seed: r, max_tokens: i }, { state: a }) => ({
				model: e,
				prompt: t,
				chain: n,
				seed: qc("seed", r),
				max_tokens: qc("longest text", i),
				continuation: Yc(a.get("continuation")),
				given: Xc(a.get("given"))
			}),
			view: (e, t, n) => se(e) ? bs(e, t, { branch: (r, i) => {
				let a = e.tokens.slice(0, r).map((e) => e.token);
				t.state.set("given", JSON.stringify([...a, i])), t.state.set("token", String(r)), n();
			} }) : xc(e, t, { branch: (r, i) => {
				let a = e.tokens.slice(0, r).map((e) => e.id);
				t.state.set("continuation", [...a, i].join(",")), t.state.set("token", String(r)), n();
			} })
		}),
		Gc(e, {
			name: "path",
			label: "Path",
			kind: "path",
			verb: "Follow",
			fields: [
				i,
				a,
				{ ...o },
				s,
				u,
				l
			],
			body: ({ model: e, prompt: t, seed: n, max_tokens: r, temperatures: i, truncations: a }) => ({
				model: e,
				prompt: t,
				chain: a,
				seed: qc("seed", n),
				max_tokens: qc("longest text", r),
				temperatures: Jc(i)
			}),
			view: (e, t) => As(e, t)
		}),
		Gc(e, {
			name: "compare",
			label: "Compare",
			kind: "compare",
			verb: "Compare",
			fields: [
				{
					...i,
					label: "A: model"
				},
				{
					...a,
					label: "A: prompt"
				},
				{
					...i,
					name: "model_b",
					label: "B: model",
					initial: t[1] ?? t[0]
				},
				{
					...a,
					name: "prompt_b",
					label: "B: prompt",
					hint: "empty: the same as A's",
					initial: ""
				}
			],
			body: ({ model: e, prompt: t, model_b: n, prompt_b: r }) => ({
				model: e,
				prompt: t,
				model_b: n,
				prompt_b: r || t,
				chain: "temperature=1"
			}),
			view: (e, t) => se(e) ? as(e, t) : On(e, t)
		}),
		Gc(e, {
			name: "tune",
			label: "Tune",
			kind: "tune",
			verb: "Tune",
			fields: [
				i,
				{
					name: "task",
					label: "Task",
					kind: "choice",
					initial: n[0],
					choices: n
				},
				{
					...u,
					name: "tune_temperatures",
					initial: "0:2:9"
				},
				{
					name: "samples",
					label: "Answers an item",
					kind: "number",
					initial: "4"
				},
				{
					name: "items",
					label: "Items",
					kind: "number",
					initial: "24",
					hint: "empty: all"
				},
				{ ...l },
				o
			],
			body: ({ model: e, task: t, tune_temperatures: n, samples: r, items: i, truncations: a, seed: o }) => ({
				model: e,
				task: t,
				temperatures: Jc(n),
				samples: qc("answers an item", r),
				chain: a,
				seed: qc("seed", o),
				...i?.trim() ? { items: qc("items", i) } : {}
			}),
			view: (e, t) => Dc(e, t)
		}),
		Gc(e, {
			name: "distil",
			label: "Distil",
			kind: "distil",
			verb: "Train",
			fields: [
				{
					name: "recipe",
					label: "Recipe",
					kind: "choice",
					initial: r[0],
					choices: r
				},
				{
					name: "steps",
					label: "Steps an arm",
					kind: "number",
					initial: "40"
				},
				{
					name: "seeds",
					label: "Seeds",
					kind: "number",
					initial: "2"
				},
				{
					name: "kd_temperature",
					label: "Temperature τ of the loss",
					kind: "number",
					initial: "1"
				},
				{
					name: "alpha",
					label: "α, weight of the soft term",
					kind: "number",
					initial: "0.9"
				}
			],
			body: ({ recipe: e, steps: t, seeds: n, kd_temperature: r, alpha: i }) => ({
				recipe: e,
				steps: qc("steps", t),
				seeds: qc("seeds", n),
				temperature: Number(r),
				alpha: Number(i)
			}),
			view: (e, t) => ro(e, t),
			live: (e, t, n) => t === "point" ? co(e, n) : null
		})
	];
}
function Gc(e, t) {
	return {
		name: t.name,
		label: t.label,
		open: (n) => Kc(e, t, n)
	};
}
function Kc(e, t, n) {
	let r = null, i = null, a = _("div", { class: "holder" }), o = zc({
		api: e,
		state: n.state,
		announce: n.announce,
		kind: t.kind,
		verb: t.verb,
		fields: t.fields,
		body: (e) => t.body(e, n),
		onStart: () => i = null,
		onTold: (e, n) => {
			let r = t.live?.(i, e, n) ?? null;
			r !== null && u(i = r);
		},
		onRecord: (e, n) => {
			Hc.set(t.name, {
				record: e,
				values: n
			}), u(e);
		}
	});
	o.element.addEventListener("change", () => {
		for (let e of Uc) n.state.set(e, void 0);
	});
	let s = _("p", { class: "meta picked" }), c = () => {
		let e = Yc(n.state.get("continuation")), r = Xc(n.state.get("given")), i = e.length || r.length;
		s.hidden = i === 0 || !t.picks;
		let a = (t) => {
			e.length > 0 ? n.state.set("continuation", e.slice(0, t).join(",")) : n.state.set("given", t === 0 ? void 0 : JSON.stringify(r.slice(0, t))), o.run();
		};
		x(s, `${i} ${i === 1 ? "token" : "tokens"} chosen after the prompt. `, _("button", {
			type: "button",
			class: "quiet",
			onclick: () => a(i - 1)
		}, "Undo the last"), " ", _("button", {
			type: "button",
			class: "quiet",
			onclick: () => a(0)
		}, "Start over"));
	}, l = n.state.listen((e) => Uc.includes(e) && c());
	c();
	function u(e) {
		r?.close(), r = t.view(e, n, o.run), x(a, r.element);
	}
	let d = Hc.get(t.name);
	return d ? u(d.record) : t.eager && o.run(), {
		element: _("div", {}, o.element, s, a),
		get download() {
			return r?.download ?? null;
		},
		close: () => {
			l(), o.close(), r?.close();
		}
	};
}
function qc(e, t) {
	let n = Number(t);
	if (!t?.trim() || !Number.isSafeInteger(n)) throw Error(`${e} must be a whole number, got “${t ?? ""}”`);
	return n;
}
function Jc(e) {
	let t = /^\s*([\d.]+):([\d.]+):(\d+)\s*$/.exec(e ?? ""), n = t ? Array.from({ length: Number(t[3]) }, (e, n) => Number(t[1]) + (Number(t[2]) - Number(t[1])) * n / Math.max(1, Number(t[3]) - 1)) : (e ?? "").split(",").map(Number);
	if (n.length === 0 || !n.every(Number.isFinite)) throw Error(`temperatures are first:last:count (0:2:41) or a list (0, 0.5, 1), got “${e ?? ""}”`);
	return n.map((e) => Number(e.toFixed(10)));
}
function Yc(e) {
	return e ? e.split(",").map(Number).filter(Number.isSafeInteger) : [];
}
function Xc(e) {
	try {
		let t = JSON.parse(e ?? "[]");
		return Array.isArray(t) ? t.filter((e) => typeof e == "string") : [];
	} catch {
		return [];
	}
}
// src/main.ts
function Zc({ model: e, el: t }) {
	let n = document.createElement("div");
	t.append(n);
	let r = Ic(n, e.get("data"), { address: !1 }), i = () => {
		r(), r = Ic(n, e.get("data"), { address: !1 });
	};
	return e.on("change:data", i), () => {
		e.off("change:data", i), r();
	};
}
var Qc = { render: Zc }, $c = document.getElementById("retort-data"), el = document.getElementById("retort-page");
$c !== null && el !== null && tl(el, JSON.parse($c.textContent ?? "{}"));
function tl(e, t) {
	if (!t.studio) {
		Ic(e, t, { address: !0 });
		return;
	}
	let n = new r();
	n.offer().then((r) => Ic(e, t, {
		address: !0,
		tabs: Wc(n, r)
	})).catch((t) => e.textContent = t.message);
}
export { Qc as default };
