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
	async page(e, t) {
		let n = {
			"X-Retort-Token": this.token,
			"Content-Type": "application/json"
		}, r = await fetch("/api/page", {
			method: "POST",
			headers: n,
			body: JSON.stringify({
				state: e,
				runs: t
			})
		});
		if (!r.ok) throw Error((await r.json().catch(() => null))?.error?.message ?? `the studio answered ${r.status}`);
		return r.blob();
	}
	async tour() {
		return (await fetch("/static/tour.json")).json();
	}
	start(e, t, n = {}) {
		let r = new AbortController(), i = null, a = !1;
		return {
			result: (async () => {
				let o = await this.ask("POST", `/api/${e}`, t);
				return i = o.id, a && this.stop(i), o.state !== "done" && await this.follow(i, n, r.signal), this.patiently(() => this.ask("GET", `/api/runs/${i}/result`), n);
			})(),
			get id() {
				return i;
			},
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
var C = 0;
function w(e) {
	return C += 1, `retort-${e}-${C}`;
}
// src/parts/state.ts
var ee = .3, T = ["view", "step"], te = { retort: !0 }, ne = class {
	values;
	listeners = /* @__PURE__ */ new Set();
	timer;
	inAddress;
	entered = -Infinity;
	constructor(e, t = "") {
		this.inAddress = e, this.values = e && location.hash.length > 1 ? re() : new Map(new URLSearchParams(t)), e && (history.replaceState(te, ""), window.addEventListener("popstate", ({ state: e }) => this.adopt(re(), e?.retort === !0)));
	}
	get(e) {
		return this.values.get(e);
	}
	set(e, t) {
		if (this.values.get(e) === (t || void 0)) return;
		let n = performance.now(), r = T.includes(e) && n - this.entered > 1e3 * ee;
		r && this.flush(), t ? this.values.set(e, t) : this.values.delete(e), r ? (this.entered = n, this.put("pushState")) : this.write();
		for (let t of this.listeners) t(e);
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
		this.inAddress && this.timer === void 0 && (this.timer = setTimeout(() => this.flush(), 1e3 * ee));
	}
	flush() {
		this.timer !== void 0 && (clearTimeout(this.timer), this.timer = void 0, this.put("replaceState"));
	}
	put(e) {
		if (this.inAddress) try {
			history[e](te, "", `#${this.text()}`);
		} catch {}
	}
	adopt(e, t) {
		clearTimeout(this.timer), this.timer = void 0;
		let n = (t ? T : [.../* @__PURE__ */ new Set([...this.values.keys(), ...e.keys()])]).filter((t) => this.values.get(t) !== e.get(t));
		for (let t of n) e.has(t) ? this.values.set(t, e.get(t)) : this.values.delete(t);
		this.put("replaceState");
		for (let e of n) for (let t of this.listeners) t(e);
	}
};
function re() {
	return new Map(new URLSearchParams(location.hash.slice(1)));
}
// src/parts/theme.ts
var ie = {
	auto: "light",
	light: "dark",
	dark: "auto"
}, ae = "retort-theme";
function oe(e) {
	let t = se(), n = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => r(ie[t])
	}), r = (r) => {
		t = r, e.dataset.theme = t, x(n, {
			auto: "◐",
			light: "○",
			dark: "●"
		}[t], _("span", { class: "theme-name" }, ` ${t}`)), n.setAttribute("aria-label", `Colours: ${t}. Change to ${ie[t]}.`);
		try {
			localStorage.setItem(ae, t);
		} catch {}
	};
	return r(t), n;
}
function se() {
	try {
		let e = localStorage.getItem(ae);
		return e === "light" || e === "dark" ? e : "auto";
	} catch {
		return "auto";
	}
}
// src/math/window.ts
var ce = 2 ** -40, le = -745.2, E = 256, ue = 12, de = .33, fe = 3, pe = /* @__PURE__ */ new WeakMap(), me = /* @__PURE__ */ new WeakMap();
function he(e) {
	let t = me.get(e);
	if (t !== void 0) return t;
	let n = Math.ceil(e.length / E), r = {
		middles: new Float64Array(n),
		reaches: new Float64Array(n),
		sums: new Float64Array(n * 14)
	};
	for (let t = 0; t < n; t++) {
		let [n, i] = [t * E, Math.min(e.length, (t + 1) * E)], a = (e[n] + e[i - 1]) / 2;
		r.middles[t] = a, r.reaches[t] = e[n] - a;
		for (let o = n; o < i; o++) {
			let n = 1;
			for (let i = 0; i < 14; i++, n *= e[o] - a) r.sums[t * 14 + i] += n;
		}
	}
	return me.set(e, r), r;
}
function ge(e, t) {
	let n = pe.get(e);
	n === void 0 && pe.set(e, n = []);
	let r = n.find((e) => e.temperature === t);
	if (r !== void 0) return r;
	let i = n.length > 0 ? he(e) : null, a = Math.ceil(e.length / E), o = {
		temperature: t,
		weights: new Float64Array(a),
		moments: new Float64Array(a)
	}, s = 1 / t;
	for (let n = 0; n < a; n++) {
		let r = n * E;
		if ((e[r] - e[0]) * s < le) break;
		let [a, c] = i !== null && i.reaches[n] * s < de ? _e(i, n, s, e[0]) : ve(e, t, 0, r, Math.min(e.length, r + E));
		o.weights[n] = a, o.moments[n] = c;
	}
	return n.length === fe && n.splice(n.findIndex((e) => e.temperature !== 1), 1), n.push(o), o;
}
function _e({ middles: e, sums: t }, n, r, i) {
	let [a, o, s] = [
		0,
		0,
		1
	];
	for (let e = 0; e <= ue; e++) a += s * t[n * 14 + e], o += s * t[n * 14 + e + 1], s *= r / (e + 1);
	let c = (e[n] - i) * r, l = Math.exp(c);
	return [l * a, l * (c * a + r * o)];
}
function ve(e, t, n, r, i) {
	let [a, o] = [0, 0], s = e[n];
	for (let n = r; n < i; n++) {
		let r = (e[n] - s) / t;
		if (r < le) break;
		let i = Math.exp(r);
		a += i, o += i * r;
	}
	return [a, o];
}
function ye({ logits: e, temperature: t, from: n }, r, i) {
	let a = (e[n] - e[0]) / t, [o, s] = [Math.ceil(r / E), Math.floor(i / E)];
	if (o >= s || a < -600) return ve(e, t, n, r, i);
	let { weights: c, moments: l } = ge(e, t), [u, d] = ve(e, t, n, r, o * E), f = Math.exp(-a);
	for (let e = o; e < s; e++) u += f * c[e], d += f * (l[e] - a * c[e]);
	let [p, m] = ve(e, t, n, s * E, i);
	return [u + p, d + m];
}
function be(e) {
	return {
		logits: e,
		temperature: 1,
		from: 0,
		to: e.length
	};
}
function xe(e, t) {
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
function D(e, t) {
	return (e.logits[t] - e.logits[e.from]) / e.temperature;
}
function Se(e, t) {
	return (e.logits[t] - (e.zero ?? 0)) / e.temperature;
}
var Ce = /* @__PURE__ */ new WeakMap();
function O(e) {
	let t = Ce.get(e);
	if (t !== void 0) return t;
	let [n, r] = ye(e, e.from, e.to), i = {
		total: n,
		entropy: Math.max(0, Math.log(n) - r / n)
	};
	return Ce.set(e, i), i;
}
function we(e, t, n) {
	let r = Math.max(t, e.from), i = Math.min(n, e.to);
	return r >= i ? 0 : r === e.from && i === e.to ? 1 : Oe(e, r, i) / O(e).total;
}
function Te(e) {
	return e.to - e.from < 2 ? Infinity : e.logits[e.from] - e.logits[e.from + 1];
}
function Ee(e, t) {
	let { from: n, to: r } = e;
	if (t >= 1) return r - n;
	let i = t * O(e).total * (1 - ce), a = 0, o = n;
	for (; o < r;) {
		let t = Math.min(r, (Math.floor(o / E) + 1) * E), n = Oe(e, o, t);
		if (a + n >= i) break;
		a += n, o = t;
	}
	for (; o < r; o++) if (a += Math.exp(D(e, o)), a >= i) return o - n + 1;
	return r - n;
}
function De(e, t) {
	let n = (n) => O({
		...e,
		to: e.from + n
	}).entropy <= t;
	return je(1, e.to - e.from + 1, (e) => !n(e)) - 1;
}
function Oe(e, t, n) {
	return ye(e, t, n)[0];
}
var ke = 1e4;
function Ae({ logits: e, temperature: t, from: n, to: r }) {
	let [i, a] = [0, 0];
	for (let t = n; t < r; t++) {
		let n = e[t] - e[0];
		i += n, a += n * n;
	}
	let o = i / (r - n), s = a / (r - n) - o * o;
	if (s > o * o / ke) return Math.sqrt(s) / t;
	let c = 0;
	for (let t = n; t < r; t++) c += (e[t] - e[0] - o) ** 2;
	return Math.sqrt(c / (r - n)) / t;
}
function je(e, t, n) {
	for (; e < t;) {
		let r = e + t >> 1;
		n(r) ? t = r : e = r + 1;
	}
	return e;
}
function Me(e, t) {
	return je(e.from, e.to, (n) => D(e, n) < t);
}
// src/math/order.ts
var Ne = .001, Pe = 4294967295;
function Fe(e, t) {
	let n = new Uint32Array(t).fill(Pe);
	for (let t = 0; t < e.length; t++) n[e[t]] = t;
	return {
		ranks: e,
		places: n
	};
}
function k(e, t) {
	return e.order === void 0 ? t : e.order.ranks[t];
}
function Ie(e, t) {
	return e.order === void 0 ? t : e.order.places[t] ?? 4294967295;
}
function Le(e, t) {
	let n = Ie(e, t);
	return n >= e.from && n < e.to;
}
function Re(e, t) {
	return Le(e, t) ? D(e, Ie(e, t)) - Math.log(O(e).total) : -Infinity;
}
function ze(e, t) {
	return Math.exp(Re(e, t));
}
function Be(e, t) {
	if (e.order === void 0) return we(e, t, e.to);
	let n = 0;
	for (let r = 0; r < t; r++) n += ze(e, r);
	return 1 - n > Ne ? 1 - n : Ue(e, (e) => e >= t);
}
function Ve(e, t) {
	if (e.order === void 0) return Math.max(0, e.to - Math.max(t, e.from));
	let n = 0;
	for (let r = e.from; r < e.to; r++) e.order.ranks[r] >= t && (n += 1);
	return n;
}
function He(e, t) {
	return e.logits === t.logits ? we(e, t.from, t.to) : t.to - t.from === e.to - e.from ? 1 : Ue(e, (e) => Le(t, e));
}
function Ue(e, t) {
	let n = 0;
	for (let r = e.from; r < e.to; r++) t(k(e, r)) && (n += Math.exp(D(e, r)));
	return n / O(e).total;
}
// src/math/history.ts
var We = 34028234663852886e22;
function Ge({ ids: e, promptLength: t }, n) {
	return n === "output" ? t : n.startsWith("last:") ? Math.max(0, e.length - Number(n.slice(5))) : 0;
}
function Ke(e, t) {
	let n = /* @__PURE__ */ new Map();
	for (let r of e.ranks.slice(Ge(e, t))) r >= 0 && n.set(r, (n.get(r) ?? 0) + 1);
	return n;
}
function qe(e, t, n, r) {
	let i = Ke(r, n);
	return rt(e, `repetition ${t} ${n}`, i.keys(), (e) => e < 0 ? e * t : e / t);
}
function Je(e, t, n, r) {
	let i = Ke(r, n);
	return rt(e, `frequency ${t} ${n}`, i.keys(), (e, n) => e - t * i.get(n));
}
function Ye(e, t, n, r) {
	return rt(e, `presence ${t} ${n}`, Ke(r, n).keys(), (e) => e - t);
}
function Xe(e, t, n, r, i, a) {
	let o = i < 0 ? 0 : Math.max(0, a.ids.length - i), s = Ze(a.ids.slice(o), a.ranks.slice(o)), c = /* @__PURE__ */ new Map();
	for (let [e, i] of s) {
		if (i < r) continue;
		let a = (i - r) * Math.log(n) + Math.log(t);
		c.set(e, a >= Math.log(We) ? We : t * n ** (i - r));
	}
	return rt(e, `dry ${t} ${n} ${r} ${i}`, c.keys(), (e, t) => e - c.get(t));
}
function Ze(e, t) {
	let n = [...e].reverse(), r = /* @__PURE__ */ new Map();
	return Qe(n).forEach((e, n) => {
		if (n === 0 || e === 0) return;
		let i = t[t.length - n];
		i >= 0 && r.set(i, Math.max(r.get(i) ?? 0, e));
	}), r;
}
function Qe(e) {
	let t = e.map(() => 0), [n, r] = [0, 0];
	for (let i = 1; i < e.length; i++) {
		let a = i < r ? Math.min(r - i, t[i - n]) : 0;
		for (; i + a < e.length && e[a] === e[i + a];) a += 1;
		t[i] = a, i + a > r && ([n, r] = [i, i + a]);
	}
	return t;
}
var $e = /* @__PURE__ */ new Uint32Array();
function et(e) {
	return $e.length < e && ($e = Uint32Array.from({ length: e }, (e, t) => t)), $e;
}
var tt = 6, nt = /* @__PURE__ */ new WeakMap();
function rt(e, t, n, r) {
	let i = [...n].filter((t) => {
		let n = Ie(e, t);
		return n !== 4294967295 && n >= e.from && n < e.to;
	});
	if (i.length === 0) return e;
	let a = `${t} ${e.from} ${e.to} ${e.temperature} ${e.zero ?? 0} ${e.order === void 0} ${i.join()}`, o = nt.get(e.logits);
	o === void 0 && nt.set(e.logits, o = []);
	let s = o.find((e) => e.key === a);
	if (s !== void 0 && e.order === void 0) return s.window;
	let { logits: c, from: l, to: u, temperature: d, zero: f = 0 } = e, p = i.map((t) => ({
		rank: t,
		logit: r(Se(e, Ie(e, t)), t) * d + f
	})).sort((e, t) => t.logit - e.logit || e.rank - t.rank).map((t) => ({
		...t,
		place: it(e, t.logit, t.rank)
	})), m = i.map((t) => Ie(e, t)).sort((e, t) => e - t), h = e.order?.places.length ?? c.length, g = new Float64Array(u - l), _ = new Uint32Array(u - l), v = e.order === void 0 ? et(h) : null, y = v && new Uint32Array(h);
	y && u - l < h && y.fill(Pe);
	let [b, x, S, C] = [
		0,
		0,
		l,
		0
	];
	for (; S < u || b < p.length;) {
		let t = p[b]?.place ?? u, n = m[x] ?? u, r = Math.min(t, n);
		g.set(c.subarray(S, r), C), _.set((e.order?.ranks ?? v).subarray(S, r), C), y?.set(v.subarray(C, C + r - S), S), C += r - S, S = r, b < p.length && t <= n ? (g[C] = p[b].logit, y && (y[p[b].rank] = C), _[C++] = p[b++].rank) : x < m.length && (x += 1, S += 1);
	}
	let w = {
		logits: g,
		temperature: d,
		from: 0,
		to: u - l,
		zero: f,
		order: y ? {
			ranks: _,
			places: y
		} : Fe(_, h)
	};
	return o.push({
		key: a,
		window: w
	}), o.length > tt && o.shift(), w;
}
function it(e, t, n) {
	let [r, i] = [e.from, e.to];
	for (; r < i;) {
		let a = r + i >> 1, o = e.logits[a];
		o > t || o === t && k(e, a) < n ? r = a + 1 : i = a;
	}
	return r;
}
// src/math/typical.ts
function at(e, t, n = "lowest") {
	let r = Math.min(e.to, e.from + t);
	if (n === "lowest" || r === e.to || e.logits[r] !== e.logits[r - 1]) return {
		...e,
		to: r
	};
	let [i, a] = st(e, r - 1);
	return n === "all" ? {
		...e,
		to: a
	} : {
		...ct(e, i, a, a - r),
		to: r
	};
}
function ot(e, t, n, r) {
	let { logits: i, from: a, to: o } = e, { total: s, entropy: c } = O(e), l = Math.log(s) - c, u = (t) => Math.abs(D(e, t) - l), d = Math.max(t * s * (1 - ce), Number.MIN_VALUE), f = Math.min(r, o - a), p = Me(e, l), m = (e) => {
		let [t, n] = [Math.max(0, e - (o - p)), Math.min(e, p - a)];
		for (; t < n;) {
			let r = t + n >> 1;
			u(p - r - 1) <= u(p + e - r - 1) ? t = r + 1 : n = r;
		}
		return t;
	}, h = (t) => {
		let n = m(t);
		return Oe(e, p - n, p - n + t) >= d;
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
		let [t, n] = st(e, v), r = Math.min(n, y);
		return {
			...ct(e, t, r, r - v),
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
function st({ logits: e, from: t, to: n }, r) {
	let [i, a] = [r, r + 1];
	for (; i > t && e[i - 1] === e[r];) --i;
	for (; a < n && e[a] === e[r];) a += 1;
	return [i, a];
}
function ct(e, t, n, r) {
	let i = e.order?.ranks.slice() ?? new Uint32Array(e.logits.length);
	if (e.order === void 0) for (let e = 0; e < i.length; e++) i[e] = e;
	let a = i.slice(t, n);
	return i.set([...a.slice(r), ...a.slice(0, r)], t), {
		...e,
		order: Fe(i, e.order?.places.length ?? i.length)
	};
}
// src/math/transforms.ts
var lt = 1e-12, ut = {
	name: "min_keep",
	initial: 1,
	low: 1,
	whole: !0
}, dt = {
	name: "ties",
	initial: "lowest",
	words: ["lowest", "all"]
}, ft = {
	name: "ties",
	initial: "lowest",
	words: [
		"lowest",
		"highest",
		"all"
	]
}, pt = (e) => ({
	name: "scope",
	initial: e,
	scope: !0
}), mt = (e) => e.ties, ht = (e) => e.min_keep;
function gt(e, t, n) {
	let r = Me(e, t + Math.log(O(e).total) - lt), i = at(e, ht(n), mt(n));
	return r > i.to ? {
		...e,
		to: r
	} : i;
}
var _t = [
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
		apply: xe
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
		options: [dt],
		apply: (e, t, n) => at(e, t, mt(n))
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
		options: [ft, ut],
		apply: (e, t, n) => at(e, Math.max(Ee(e, t), ht(n)), mt(n))
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
		options: [ut],
		apply: (e, t, n) => {
			let r = Me(e, Math.log(t) - lt);
			return {
				...e,
				to: Math.min(e.to, Math.max(r, e.from + ht(n)))
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
		options: [dt, ut],
		apply: (e, t, n) => ot(e, t, mt(n), ht(n))
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
		options: [dt, ut],
		apply: (e, t, n) => gt(e, Math.log(t), n)
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
		options: [dt, ut],
		apply: (e, t, n) => gt(e, Math.min(Math.log(t), .5 * Math.log(t) - O(e).entropy), n)
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
			to: Me(e, -t * Ae(e) * (1 + ce))
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
			let r = n.among ? at(e, n.among) : e;
			return n.entropy === "summed" ? at(e, yt(r, t)) : at(e, Math.max(1, De(r, t * O(r).entropy * (1 + ce))));
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
		apply: (e, t, n) => xe(e, vt(e, t, n))
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
		options: [pt("all")],
		apply: (e, t, n, r) => qe(e, t, n.scope, r)
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
		options: [pt("output")],
		apply: (e, t, n, r) => Je(e, t, n.scope, r)
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
		options: [pt("output")],
		apply: (e, t, n, r) => Ye(e, t, n.scope, r)
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
		apply: (e, t, n, r) => n.last_n === 0 ? e : Xe(e, t, n.base, n.allowed_length, n.last_n, r)
	}
];
function vt(e, t, n) {
	let r = n.temperature;
	if (r === 0) return 0;
	let i = Math.min(O(e).entropy / Math.log(Math.max(e.to - e.from, 2)), 1), a = Math.max(r - t, 0);
	return a + (r + t - a) * i ** n.exponent;
}
function yt(e, t) {
	let { total: n, entropy: r } = O(e), i = 0;
	for (let a = e.from; a < e.to; a++) {
		let o = D(e, a) - Math.log(n);
		if (i += -Math.exp(o) * o, i > t * r * (1 + ce)) return Math.max(1, a - e.from);
	}
	return e.to - e.from;
}
var bt = /* @__PURE__ */ new Map([
	["xtc", "throws a coin for every token"],
	["mirostat", "remembers the tokens before"],
	["adaptive_p", "remembers the tokens before"],
	["logit_bias", "names tokens by id"],
	["bad_words", "names tokens by id"],
	["min_tokens", "names tokens by id"],
	["allowed", "names tokens by id"],
	["grammar", "is a program"]
]), A = new Map(_t.map((e) => [e.name, e]));
function xt(e, t) {
	return Object.fromEntries((e.options ?? []).map((e) => [e.name, t?.[e.name] ?? e.initial]));
}
var St = new Map(_t.flatMap((e) => [e.name, ...e.aliases].map((t) => [t, e])));
function Ct(e) {
	return St.get(e.trim().toLowerCase().replaceAll("-", "_"));
}
// src/math/stage.ts
var j = class extends Error {};
function wt(e) {
	return e.find((e) => A.get(e.name).tempers);
}
function Tt(e) {
	let t = wt(e);
	return t === void 0 ? 1 : t.name === "temperature" ? t.value : Number(t.options?.temperature ?? 1);
}
function Et(e) {
	return !A.get(e.name).off.includes(e.value) && e.options?.scope !== "last:0" && e.options?.last_n !== 0;
}
function M({ name: e, value: t, options: n }) {
	let r = A.get(e), i = (r.options ?? []).filter((e) => (n?.[e.name] ?? e.initial) !== e.initial || r.main !== void 0 && Mt(e)).map((e) => `${e.name}=${Nt(n?.[e.name] ?? e.initial)}`);
	return r.main === void 0 ? i.length === 0 ? `${e}=${Nt(t)}` : `${e}(${[Nt(t), ...i].join(", ")})` : `${e}(${[`${r.main}=${Nt(t)}`, ...i].join(", ")})`;
}
function Dt(e) {
	let t = /^\s*([\w-]+)\s*(?:=\s*([^()]+?)|\(\s*(.*?)\s*\))\s*$/s.exec(e);
	if (t === null) throw new j(`a stage is written name=value, got “${e.trim()}”; for example temperature=0.8 | top_p=0.9`);
	let [, n, r, i] = t, a = Ct(n);
	if (a === void 0) {
		let e = bt.get(n.trim().toLowerCase().replaceAll("-", "_"));
		throw new j(e === void 0 ? `the page does not compute “${n}”; it knows ${[...A.keys()].join(", ")}` : `the page does not compute “${n}”: it ${e}`);
	}
	if (r !== void 0) return {
		name: a.name,
		value: kt(a, Number(r), r)
	};
	let o = a.main ?? a.name, s = [o, ...(a.options ?? []).map((e) => e.name)], c = /* @__PURE__ */ new Map();
	i.split(",").forEach((e, t) => {
		let [n, r] = e.includes("=") ? e.split("=").map((e) => e.trim()) : [s[t] ?? "", e.trim()];
		if (!s.includes(n)) throw new j(`${a.name} has no setting “${n || e.trim()}” here; it has ${s.join(", ")}`);
		c.set(n, r);
	});
	let l = c.get(o);
	if (l === void 0) throw new j(`${a.name} needs its ${o}`);
	let u = (a.options ?? []).flatMap((e) => {
		let t = c.get(e.name);
		return t === void 0 ? [] : [[e.name, At(a, e, t)]];
	});
	return Ot({
		name: a.name,
		value: kt(a, Number(l), l)
	}, Object.fromEntries(u));
}
function Ot(e, t) {
	let n = (A.get(e.name).options ?? []).filter((e) => (t[e.name] ?? e.initial) !== e.initial), r = {
		name: e.name,
		value: e.value
	};
	return n.length === 0 ? r : {
		...r,
		options: Object.fromEntries(n.map((e) => [e.name, t[e.name]]))
	};
}
function kt(e, t, n = String(t)) {
	return e.off.includes(t) ? t : jt(e.main === void 0 ? e.name : `${e.name}'s ${e.main}`, e.low, e.high, e.whole, t, n);
}
function At(e, t, n) {
	let r = `${e.name}'s ${t.name}`;
	if (t.words !== void 0) {
		if (t.words.includes(n)) return n;
		throw new j(`${r} must be ${t.words.join(" or ")}, got ${n}`);
	}
	if (t.scope) {
		if (/^(all|output|last:\d+)$/.test(n)) return n;
		throw new j(`${r} must be all, output or last:N, got ${n}`);
	}
	return jt(r, t.low ?? -Infinity, t.high ?? Infinity, t.whole ?? !1, Number(n), n);
}
function jt(e, t, n, r, i, a) {
	if (i >= t && i <= n && Number.isFinite(i) && a.trim() !== "" && !(r && i % 1)) return i;
	let o = t === Number.MIN_VALUE ? "above 0" : `of ${t} or more`, s = Number.isFinite(n) ? `from ${t} to ${n}` : Number.isFinite(t) ? o : "that is finite";
	throw new j(`${e} must be a ${r ? "whole " : ""}number ${s}, got ${a}`);
}
function Mt(e) {
	return e.words === void 0 && !e.scope;
}
function Nt(e) {
	if (typeof e == "string") return e;
	let t = Math.abs(e);
	return t === 0 || t >= 1e-4 && t < 0x2386f26fc10000 ? String(e) : e.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
// src/math/conflicts.ts
function Pt(e) {
	let t = e.chain.filter(Ht);
	if (Tt(e.chain) === 0) return t.length === 0 ? [] : [`${M(wt(e.chain))} takes the most likely token in any case, so ${Wt(t)} cannot change the result.`];
	let n = e.stages.at(-1)?.kept ?? e.before;
	return [
		Ft,
		It,
		Lt,
		Rt,
		zt,
		Bt,
		Vt
	].flatMap((r) => {
		try {
			return r(e, t, n);
		} catch (e) {
			if (e instanceof j) return [];
			throw e;
		}
	});
}
var Ft = ({ stages: e }) => e.filter(({ stage: e, removed: t }) => Ht(e) && t === 0).map(({ stage: e, kept: t }) => `${M(e)} removes nothing here: ${t === 1 ? "one token reaches it" : `it keeps all ${Kt(t)} tokens that reach it`}.`), It = (e, t, n) => {
	let { chain: r, survivors: i, same: a } = e, o = i(r);
	return e.stages.flatMap(({ stage: e, removed: s }) => {
		if (!Ht(e) || s === 0 || !a(i(r.filter((t) => t !== e)), o)) return [];
		let c = t.find((t) => t !== e && a(i(Ut(r, t)), o));
		return [`${M(e)} is made moot by ${c ? M(c) : "the other stages"}: without it the same ${Gt(n)} would be kept.`];
	});
}, Lt = ({ chain: e, survivors: t, size: n }, r, i) => {
	if (r.length < 2) return [];
	let a = r.map((r) => n(t(Ut(e, r))));
	if (i >= Math.min(...a)) return [];
	let o = r.map((e, t) => `${M(e)} keeps ${Kt(a[t])}`).join(", ");
	return [`together the stages keep ${Gt(i)}, fewer than any of them alone (${o}): each one cuts what the one before it left.`];
}, Rt = ({ chain: e, survivors: t, size: n }, r, i) => {
	let a = wt(e), o = a === void 0 ? [] : e.slice(0, e.indexOf(a)).filter(Ht);
	if (a === void 0 || o.length === 0) return [];
	let s = e.filter((e) => e !== a), c = e.indexOf(o[0]), l = n(t([
		...s.slice(0, c),
		a,
		...s.slice(c)
	]));
	if (l === i) return [];
	let [u, d] = o.length === 1 ? ["comes", "it does"] : ["come", "they do"];
	return [`${Wt(o)} ${u} before ${M(a)}, so ${d} not see that temperature; ${Gt(i)} ${i === 1 ? "remains" : "remain"}; with temperature first, as is retort's default, it would be ${Kt(l)}.`];
}, zt = ({ before: e }, t, n) => t.length === 0 || n !== 1 || e === 1 ? [] : ["one token is left, so every draw here is the greedy token, whatever temperature and seed."], Bt = ({ chain: e, nucleus: t }, n, r) => {
	let i = Tt(e);
	return i <= 1 || n.length === 0 || r >= t ? [] : [`temperature=${Number(i.toPrecision(6))} asks for more variety, but the truncations then keep ${Gt(r)}, fewer than the ${Kt(t)} that hold 90% of the probability at temperature 1.`];
}, Vt = (e, t) => t.length < 3 ? [] : [`${t.length} truncations are stacked; one is usually enough, and easier to reason about: set the temperature first, then top_p=0.9, say.`];
function Ht(e) {
	return A.get(e.name).truncates;
}
function Ut(e, t) {
	return e.filter((e) => e === t || !Ht(e));
}
function Wt(e) {
	let t = e.map(M);
	return t.length < 2 ? t.join("") : `${t.slice(0, -1).join(", ")} and ${t.at(-1)}`;
}
function Gt(e) {
	return `${Kt(e)} token${e === 1 ? "" : "s"}`;
}
function Kt(e) {
	return e.toLocaleString("en");
}
// src/math/interval.ts
function N(e) {
	return {
		low: e,
		high: e
	};
}
function P(e) {
	return typeof e == "number" ? N(e) : {
		low: e.low ?? -Infinity,
		high: e.high ?? Infinity
	};
}
// src/math/chain.ts
function F(e) {
	return "processed" in e;
}
function qt(e) {
	let { stages: t, kept: n, entropy: r, unseen: i, largestUnseen: a, prob: o, removedBy: s, beyond: c } = e;
	return {
		stages: t,
		kept: n,
		entropy: r,
		unseen: i,
		largestUnseen: a,
		prob: o,
		removedBy: s,
		beyond: c,
		keptMass: t.at(-1)?.keptMassTotal ?? N(1),
		warnings: Pt(e)
	};
}
function Jt(e) {
	return e.trim() === "" ? [] : Zt(e.split("|").map(Dt));
}
function Yt(e) {
	return e.length === 0 ? null : `The page does not compute ${e.map((e) => {
		let t = bt.get(/^[\w-]+/.exec(e)?.[0].toLowerCase().replaceAll("-", "_") ?? "");
		return t === void 0 ? e : `${e} (it ${t})`;
	}).join(", ")}: its numbers are without ${e.length === 1 ? "it" : "them"}.`;
}
function Xt(e) {
	let t = [];
	return {
		chain: Zt(e.split("|").filter((e) => e.trim()).flatMap((e) => {
			try {
				return [Dt(e)];
			} catch {
				return t.push(e.trim()), [];
			}
		})),
		others: t
	};
}
function Zt(e) {
	let t = e.filter(Et);
	if (t.filter((e) => A.get(e.name).tempers).length > 1) throw new j("a chain may hold temperature or dynatemp once; two temperatures in a row are one, their product");
	return t;
}
function Qt(e) {
	return e.map(M).join(" | ");
}
function $t(e, t) {
	let n = wt(e);
	if (n === void 0) return [{
		name: "temperature",
		value: t
	}, ...e];
	let r = n.name === "temperature" ? {
		name: "temperature",
		value: t
	} : Ot(n, {
		...n.options,
		temperature: t
	});
	return e.map((e) => e === n ? r : e);
}
var en = {
	ids: [],
	ranks: [],
	promptLength: 0
};
function tn(e, t, n = en) {
	let r = A.get(t.name);
	return Et(t) ? r.apply(e, t.value, xt(r, t.options), n) : e;
}
function nn(e, t, n = en) {
	let r = be(t), i = Tt(e), a = r, o = r, s = [];
	for (let t of e) {
		let e = tn(a, t, n), r = A.get(t.name);
		!r.truncates && !(r.tempers && i === 0) && (o = tn(o, t, n));
		let c = I(a) - I(e);
		s.push({
			stage: t,
			before: a,
			after: e,
			kept: I(e),
			removed: c,
			keptMass: N(c === 0 ? 1 : He(a, e)),
			keptMassTotal: N(Math.min(1, He(o, e)))
		}), a = e;
	}
	let c = a, l = qt({
		chain: e,
		stages: s,
		before: I(r),
		kept: I(c),
		nucleus: Ee(r, .9),
		survivors: (e) => e.reduce((e, t) => tn(e, t, n), r),
		size: I,
		same: on,
		entropy: N(O(c).entropy),
		unseen: N(0),
		largestUnseen: 0,
		prob: (e) => N(ze(c, e)),
		beyond: (e) => ({
			share: N(Be(c, e)),
			kept: Ve(c, e)
		}),
		removedBy: (e) => Le(c, e) ? null : s.find(({ after: t }) => !Le(t, e))?.stage ?? null
	}), u = i === 0 ? tn(r, {
		name: "temperature",
		value: 0
	}) : {
		...r,
		temperature: i
	};
	return {
		...l,
		raw: r,
		tempered: u,
		processed: c
	};
}
function I(e) {
	return e.to - e.from;
}
function rn(e) {
	let t = Ee(e.raw, .9);
	return Be(e.processed, t);
}
function an(e) {
	return Math.exp(O(e).entropy);
}
function on(e, t) {
	return I(e) === I(t) ? e.logits === t.logits && e.order === t.order ? e.from === t.from : sn(e, t) : !1;
}
function sn(e, t) {
	for (let n = e.from; n < e.to; n++) if (!Le(t, k(e, n))) return !1;
	return !0;
}
// src/math/comparison.ts
function cn(e, t) {
	let n = new Uint32Array(t).fill(e.length);
	return e.forEach((e, t) => n[e] = t), n;
}
function ln(e, t, n) {
	let r = cn(t.ids, n), i = Math.log(O(e.window).total), a = Math.log(O(t.window).total), o = 0, s = 0, c = 0, l = 0;
	for (let n = e.window.from; n < e.window.to; n++) {
		let u = D(e.window, n) - i, d = Math.exp(u), f = Ie(t.window, r[e.ids[k(e.window, n)]]);
		if (f < t.window.from || f >= t.window.to) {
			d > 0 && (o = Infinity), c += .5 * d * Math.LN2, l += d;
			continue;
		}
		let p = D(t.window, f) - a, m = Math.exp(p);
		o += d === 0 ? 0 : d * (u - p), s += m === 0 ? 0 : m * (p - u);
		let h = Math.log((d + m) / 2);
		c += .5 * ((d === 0 ? 0 : d * (u - h)) + (m === 0 ? 0 : m * (p - h))), l += Math.abs(d - m);
	}
	let u = new Uint8Array(n);
	for (let t = e.window.from; t < e.window.to; t++) u[e.ids[k(e.window, t)]] = 1;
	for (let e = t.window.from; e < t.window.to; e++) {
		if (u[t.ids[k(t.window, e)]]) continue;
		let n = Math.exp(D(t.window, e) - a);
		n > 0 && (s = Infinity), c += .5 * n * Math.LN2, l += n;
	}
	return {
		klForward: Math.max(0, o),
		klReverse: Math.max(0, s),
		jsd: Math.max(0, c),
		totalVariation: l / 2
	};
}
var un = .001, dn = 1e3;
function fn(e, t, n, r) {
	let i = cn(n, r), a = Math.log(O(e.window).total), o = t[0], s = 0;
	for (let n = e.window.from; n < e.window.to; n++) {
		let r = Math.exp(D(e.window, n) - a), c = i[e.ids[n]];
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
	}, [l, u] = [Math.log(un), Math.log(dn)];
	if (c(un) <= s) return d(un, !0);
	if (c(dn) >= s) return d(dn, !0);
	for (let e = 0; e < 60; e++) {
		let e = (l + u) / 2;
		c(Math.exp(e)) > s ? l = e : u = e;
	}
	return d(Math.exp((l + u) / 2), !1);
	function d(i, a) {
		return {
			temperature: i,
			residual: ln(e, {
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
var pn = { ties: "all" }, mn = /* @__PURE__ */ new Map([
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
		["top_k", pn],
		["top_p", { ties: "highest" }],
		["min_p"],
		["typical_p", pn],
		["epsilon_cutoff", pn],
		["eta_cutoff", pn]
	]],
	["vllm", [
		["repetition_penalty"],
		["frequency_penalty"],
		["presence_penalty"],
		["temperature"],
		["min_p"],
		["top_k"],
		["top_p"]
	]],
	["sglang", [
		["frequency_penalty"],
		["presence_penalty"],
		["repetition_penalty", { scope: "output" }],
		["temperature"],
		["top_k", pn],
		["top_p", pn],
		["min_p"]
	]],
	["llama.cpp", [
		["repetition_penalty", { scope: "last:64" }],
		["frequency_penalty", { scope: "last:64" }],
		["presence_penalty", { scope: "last:64" }],
		["dry", { last_n: 64 }],
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
		["top_p", pn],
		["min_p"],
		["top_k"],
		["temperature"]
	]],
	["ollama", [
		["repetition_penalty", { scope: "last:64" }],
		["frequency_penalty", { scope: "last:64" }],
		["presence_penalty", { scope: "last:64" }],
		["top_k"],
		["temperature"],
		["top_p"],
		["min_p"]
	]]
]);
function hn(e, t) {
	let n = mn.get(e) ?? [], r = (e) => {
		let t = n.findIndex(([t]) => t === e);
		return t < 0 ? n.length : t;
	};
	return [...t].sort((e, t) => r(e.name) - r(t.name)).map((e) => {
		let t = n[r(e.name)];
		if (t === void 0) return e;
		let { ties: i, scope: a, ...o } = e.options ?? {};
		return Ot(e, {
			...t[1],
			...o
		});
	});
}
// src/math/unpack.ts
var gn = 64, _n = 24, vn = 5;
function yn(e) {
	let t = Cn(e.data);
	if (e.encoding === "float64") {
		let n = new DataView(t.buffer);
		return Float64Array.from({ length: e.count }, (e, t) => n.getFloat64(8 * t, !0));
	}
	if (e.encoding !== "rice32") throw Error(`logits are packed as ${e.encoding}, which this page cannot read`);
	return xn(t, e.count);
}
function bn(e) {
	let t = new Sn(Cn(e.data)), n = new Uint32Array(e.count);
	for (let r = 0; r < e.count; r++) n[r] = t.read(e.width);
	return n;
}
function xn(e, t) {
	let n = new Sn(e), r = new Float64Array(t), i = /* @__PURE__ */ new Uint32Array(1), a = new Float32Array(i.buffer), o = 4294967295, s = 0;
	for (let e = 0; e < t; e++) {
		e % gn === 0 && (s = n.read(vn));
		let t = n.zeros();
		o -= t === _n ? n.read(32) : t * 2 ** s + n.read(s), i[0] = o >= 2147483648 ? o - 2147483648 : 4294967295 - o, r[e] = a[0];
	}
	return r;
}
var Sn = class {
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
function Cn(e) {
	let t = atob(e), n = new Uint8Array(t.length);
	for (let e = 0; e < t.length; e++) n[e] = t.charCodeAt(e);
	return n;
}
var wn = 1e7, Tn = 1e-4;
function L(e, t = 4) {
	if (Nn(e)) return "–";
	if (!Number.isFinite(e)) return e > 0 ? "inf" : "−inf";
	if (e === 0) return "0";
	let n = Ln(e, t), r = Math.abs(n);
	return r < Tn || r >= wn ? Pn(n.toExponential()) : r >= 10 ** t ? R(e, 0) : Pn(Fn(String(n)));
}
function R(e, t = 3) {
	return Nn(e) ? "–" : Number.isFinite(e) ? Pn(Fn(In(e, t))) : e > 0 ? "inf" : "−inf";
}
function En(e, t = 3) {
	let n = R(e, t);
	return !Nn(e) && e > 0 && /[1-9i]/.test(n) ? `+${n}` : n;
}
function Dn(e, t = 0) {
	return Nn(e) ? "–" : `${Pn(In(100 * e, t))}%`;
}
function z(e) {
	return Nn(e) ? "–" : e === 0 ? "0" : e >= Tn ? Dn(e, 2) : Pn(e.toExponential(1));
}
function B(e) {
	return R(e, 0);
}
function On(e, t, n = `${t}s`) {
	return `${B(e)} ${e === 1 ? t : n}`;
}
function kn(e) {
	return On(e, "token");
}
function An(e) {
	return `${L(e)} nats`;
}
function V(e) {
	return String(Number(e.toFixed(4)));
}
function jn(e, t = R) {
	return e ? `${t(e[0])} to ${t(e[1])}` : "–";
}
function Mn(e, t = 3) {
	let n = e && e[0] < 0 ? En : R;
	return jn(e, (e) => Math.abs(e) > 0 && Math.abs(e) < .5 * 10 ** -t ? e > 0 ? "above 0" : "below 0" : n(e, t));
}
function H({ low: e, high: t }, n = L) {
	let [r, i] = [n(e), n(t)];
	if (r === i) return r;
	if (e === -Infinity) return `≤ ${i}`;
	if (t === Infinity) return `≥ ${r}`;
	let a = r.endsWith(" nats") && i.endsWith(" nats") ? " nats" : "";
	return `${r.slice(0, r.length - a.length)} … ${i}`;
}
function Nn(e) {
	return e == null || Number.isNaN(e);
}
function Pn(e) {
	let [t, n] = e.split("e");
	return n === void 0 ? /[1-9]/.test(t) ? t.replace("-", "−") : t.replace("-", "") : `${t.replace("-", "−")}e${Number(n)}`;
}
function Fn(e) {
	let [t, n] = e.split("."), r = BigInt(t.replace("-", "")).toLocaleString("en");
	return `${e.startsWith("-") ? "-" : ""}${r}${n === void 0 ? "" : `.${n}`}`;
}
function In(e, t) {
	let n = Math.abs(e) * 10 ** t;
	if (n % 1 != .5) return e.toFixed(t);
	let r = Math.abs(e).toFixed(Math.min(t + 40, 100)), i = r.slice(r.indexOf(".") + 1 + t);
	if (!/^50*$/.test(i)) return e.toFixed(t);
	let a = 2 * Math.round(n / 2);
	return `${e < 0 ? "-" : ""}${(a / 10 ** t).toFixed(t)}`;
}
function Ln(e, t) {
	let n = Number(e.toExponential(t - 1).split("e")[1]), r = t - 1 - n;
	return Number(r >= 0 && r <= 100 ? In(e, r) : e.toPrecision(t));
}
var Rn = {
	token: {
		term: "token",
		text: "A word or a piece of a word: what the model reads and writes. Each model has a fixed list of them, its vocabulary. A space belongs to the token that follows it."
	},
	logits: {
		term: "logits",
		text: "One number per token, as the model gives them. Not normalised: only differences matter. Written z."
	},
	power: {
		term: "e^logit",
		text: "The number e ≈ 2.718 to the power of the logit. It is always positive. A logit that is larger by 1 makes it 2.718 times as large."
	},
	probability: {
		term: "probability",
		text: "A token's share of all: its e^logit divided by the sum over all tokens. All shares together are 1, or 100%."
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
		text: "The natural logarithm of a probability, in nats, in the raw or in the processed distribution. Every logprob says which."
	},
	surprise: {
		term: "surprise",
		text: "−logprob, in nats: 0 for a token that was certain. The entropy is its mean over the model's own draws."
	},
	perplexity: {
		term: "perplexity",
		text: "e to the power of a text's mean surprise per token: as if the model had to choose among so many equally likely tokens at each place."
	},
	rank: {
		term: "rank",
		text: "A token's place when all are ordered by probability: 1 is the most likely one. No temperature changes it."
	},
	nat: {
		term: "nat",
		text: "The unit of information with the natural logarithm. 1 nat is 1.44 bits."
	},
	"dark-knowledge": {
		term: "dark knowledge",
		text: "What the runners-up say. After \"a pear is a kind of\", fruit is first, but vegetable well above tool also says something about pears. Distillation passes it on."
	},
	entropy: {
		term: "entropy",
		text: "H = −Σ p ln p, in nats: 0 if one token has all of the probability, ln V if all V tokens are equally likely. It never falls as τ rises."
	},
	"effective-support": {
		term: "effective support",
		text: "The number of equally likely tokens that would be as uncertain: e^H, where H is the entropy."
	},
	margin: {
		term: "margin",
		text: "The logit of the most likely token minus that of the second. The odds of first to second at τ are e^(margin/τ)."
	},
	"near-tie": {
		term: "near tie",
		text: "A margin smaller than the numerical noise: another machine, batch or dtype may pick the other token."
	},
	"flip-risk": {
		term: "flip risk",
		text: "The probability that numerical noise changes the most likely token, counting all rivals."
	},
	nucleus: {
		term: "nucleus",
		text: "The smallest set of most likely tokens with a given share of the probability. top_p keeps it."
	},
	"kept-mass": {
		term: "kept mass",
		text: "The share of the probability that truncation leaves. For a stage, it is a share of the stage's input. For a drawn token, of the distribution after temperature and penalties, before truncation. Kept raw mass is the raw probability of the tokens that survive."
	},
	leakage: {
		term: "leakage",
		text: "Probability outside the model's top 90%: how often sampling leaves what the model finds likely."
	},
	kl: {
		term: "KL divergence",
		text: "KL(A ‖ B) = Σ a ln(a/b), in nats: how much worse B predicts what A gives. 0 if both are the same, infinite if B excludes a token that A can give. It has a direction."
	},
	jsd: {
		term: "Jensen-Shannon divergence",
		text: "The mean KL divergence of two distributions from their average, in nats: from 0 (the same) to ln 2 (no token in common)."
	},
	"total-variation": {
		term: "total variation",
		text: "The share of the probability that would have to move to make two distributions equal."
	},
	"equivalent-temperature": {
		term: "equivalent temperature",
		text: "The τ at which one distribution is nearest to another, by KL divergence. No temperature removes the rest."
	},
	interval: {
		term: "interval",
		text: "A server that returns only its top 20 tokens bounds the entropy. retort then prints low … high, and the true value is between. For a statistic, the interval is a confidence interval and states its level."
	},
	chain: {
		term: "chain",
		text: "The ordered list of transforms of the logits, as in temperature=0.8 | top_k=50 | top_p=0.9. The order matters."
	},
	truncation: {
		term: "truncation",
		text: "Removing unlikely tokens: top-k, top-p, min-p and others. The rest is renormalised."
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
	"forward-pass": {
		term: "forward pass",
		text: "One run of the model over one text to get its next distribution. It is what takes time. Texts that begin alike share their passes."
	},
	"exploit-explore": {
		term: "exploit, explore",
		text: "Tasks with one right answer, and tasks for which many different answers are right."
	},
	score: {
		term: "score",
		text: "What a task gives one answer, mostly 1 for right and 0 for wrong. A setting's score is the mean over all items."
	},
	distinct: {
		term: "distinct answers",
		text: "The share of an item's answers that differ from one another: 1 if no two are the same."
	},
	agreement: {
		term: "agreement",
		text: "The share of pairs of an item's answers that are the same: 1 if every answer is."
	},
	"distinct-n": {
		term: "distinct words, distinct pairs",
		text: "The share of different words (or pairs of neighbouring words) among all words of an item's answers: 1 if none repeats."
	},
	"self-bleu": {
		term: "self-BLEU",
		text: "How much of one answer's wording is found in the item's other answers: from 0 (nothing) to 1 (the same texts)."
	},
	vendi: {
		term: "Vendi score",
		text: "The effective number of different answers: 1 if all are alike, the number of answers if none resembles another."
	},
	tied: {
		term: "statistically tied",
		text: "No difference between two settings is detectable with this much data. That is not proof that there is none."
	},
	detectable: {
		term: "detectable difference",
		text: "The smallest true difference that this many items would show four times in five."
	},
	"held-out-half": {
		term: "other half",
		text: "The setting is chosen on half of the items and measured on the other half, many times over. A gain that choosing alone would produce does not show there."
	},
	planned: {
		term: "planned comparison",
		text: "One comparison that was named before the data was seen. Its interval is narrower than that for all pairs."
	},
	"pass-at-k": {
		term: "pass@k, pass^k",
		text: "The chance that at least one of k answers is right; that all of them are."
	},
	teacher: {
		term: "teacher, student",
		text: "The large model that provides the distribution, and the small model that learns from it."
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
		text: "The same student trained on hard labels alone: same first weights, data, order and steps. Without it, what distilling added is not known."
	},
	"held-out-loss": {
		term: "held-out loss",
		text: "Mean surprise at text that no student was trained on, in nats per token: lower is better. Validation text is looked at during training, test text only at the end."
	},
	"paired-difference": {
		term: "paired difference",
		text: "Loss of the control minus loss of the distilled student with the same seed. Positive: distilling gave the better student."
	},
	step: {
		term: "step",
		text: "One update of the student's weights, from one batch of text."
	},
	alpha: {
		term: "alpha, α",
		text: "The weight of the soft targets in the loss, α τ² KL + (1 − α) CE. Some libraries give it to the other term."
	},
	"equal-time": {
		term: "equal time",
		text: "The comparison in which the control trains for as much wall-clock time as the distilled student, including the teacher's time."
	}
}, zn = 8;
function U(e) {
	let t = Rn[e], n = w("help"), r = _("button", {
		type: "button",
		class: "help",
		popovertarget: n,
		"aria-label": `What is ${t.term}?`
	}, "?"), i = _("a", {
		href: `#view=glossary&term=${e}`,
		onclick: (t) => {
			t.preventDefault(), a.hidePopover(), a.dispatchEvent(new CustomEvent("retort-term", {
				bubbles: !0,
				detail: e
			}));
		}
	}, "In the glossary"), a = _("span", {
		id: n,
		popover: "auto",
		class: "help-note",
		role: "note",
		ontoggle: o
	}, _("b", {}, t.term), ": ", t.text, " ", i);
	function o() {
		let e = r.getBoundingClientRect(), t = a.getBoundingClientRect(), n = e.bottom + 6 + t.height < innerHeight;
		a.style.left = `${Math.max(zn, Math.min(e.left, innerWidth - t.width - zn))}px`, a.style.top = `${n ? e.bottom + 6 : Math.max(zn, e.top - t.height - 6)}px`;
	}
	return _("span", { class: "help-box" }, r, a);
}
function W(e, t = "measures") {
	return _("dl", { class: t }, ...e.map(Bn));
}
function Bn({ name: e, unit: t, term: n, value: r }) {
	let i = (t || e).split(" "), a = _("span", { class: "help-box" }, t ? _("small", {}, i.at(-1)) : i.at(-1), " ", U(n)), o = i.slice(0, -1).map((e) => `${e} `).join("");
	return _("div", { class: "measure" }, _("dt", {}, t ? `${e} ` : o, t && o ? _("small", {}, o) : null, a), _("dd", {}, r));
}
// src/parts/tokens.ts
var Vn = {
	" ": ["␣", "space"],
	"\n": ["↵", "line break"],
	"	": ["⇥", "tab"],
	"\r": ["␍", "carriage return"],
	"\xA0": ["⍽", "no-break space"],
	"　": ["□", "wide space"]
}, Hn = /<0x([0-9A-F]{2})>/, Un = /^<(?:\||\/)?[A-Za-z][\w .|/-]*(?:\|)?>$/, Wn = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}\p{Co}\p{Cn}\p{Cs}]|[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\u{e0000}-\u{e0fff}]/u, Gn = /[\u200d\ufe0f]/, Kn = /\p{Extended_Pictographic}/u;
function qn(e) {
	return e === "" ? [{
		text: "(empty)",
		kind: "sign",
		spoken: "empty"
	}] : Un.test(e) && !Hn.test(e) ? [{
		text: e,
		kind: "marker",
		spoken: `marker ${e}`
	}] : e.split(/(<0x[0-9A-F]{2}>)/).flatMap((e) => {
		let t = Hn.exec(e);
		return t ? [{
			text: `⟨${t[1]}⟩`,
			kind: "byte",
			spoken: `byte ${t[1]}`
		}] : Jn(e);
	});
}
function Jn(e) {
	let t = [], n = [...e];
	return n.forEach((e, r) => {
		let i = Vn[e];
		if (i) t.push({
			text: i[0],
			kind: "sign",
			spoken: i[1]
		});
		else if (Wn.test(e) || Gn.test(e) && !Yn(n, r)) {
			let n = e.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
			t.push({
				text: `⟨U+${n}⟩`,
				kind: "byte",
				spoken: `character U+${n}`
			});
		} else {
			let n = t.at(-1), r = /\p{M}/u.test(e) && !Gn.test(e) && n?.kind !== "plain" ? `◌${e}` : e;
			n?.kind === "plain" ? (n.text += r, n.spoken += e) : t.push({
				text: r,
				kind: "plain",
				spoken: e
			});
		}
	}), t;
}
function Yn(e, t) {
	return t > 0 && (Kn.test(e[t - 1]) || Gn.test(e[t - 1]) || /\p{Emoji_Modifier}/u.test(e[t - 1]));
}
function G(e) {
	return _("bdi", { class: "token" }, ...qn(e).map((e) => e.kind === "plain" ? e.text : _("span", { class: `piece-${e.kind}` }, e.text)));
}
function Xn(e) {
	return qn(e).map((e) => e.text).join("");
}
function Zn(e) {
	return qn(e).map((e) => e.spoken).join(" ");
}
// src/parts/bars.ts
function Qn(e, t, n) {
	let { record: r, raw: i } = e, a = F(i), o = Math.min(t, r.tokens.length), s = Array.from({ length: o }, (t, r) => er(e, r, n)), c = e.tokens - o, l = nr(_("th", {
		scope: "row",
		class: "token-cell"
	}, r.vocabulary === null ? `up to ${B(c)} more tokens` : `${B(c)} more tokens`), _("td", { class: "figure wide-only" })), u = _("table", { class: `bars${a ? "" : " range-bars"}` }, _("caption", { class: "sr" }, `The most likely tokens, with their raw and processed probability${a ? "" : ", from the lowest to the highest that each can have"}`), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
		scope: "col",
		class: "figure wide-only"
	}, a ? "logit " : "logprob ", U(a ? "logits" : "logprob")), _("th", {
		scope: "col",
		class: "figure raw-ink"
	}, "raw ", U("raw")), _("th", {
		scope: "col",
		class: "figure processed-ink"
	}, "processed ", U("processed")), _("th", {
		scope: "col",
		class: "bar-head"
	}, _("span", { class: "sr" }, "bars"), _("span", { class: "wide-only" }, "what removed it")))), _("tbody", {}, ...s.map((e) => e.element)), c > 0 ? _("tbody", { class: "tail" }, l.element) : null), d = s.map((e, t) => i.prob(t)), f = i.beyond(o).share;
	function p(e) {
		let t = s.map((t, n) => e?.prob(n) ?? null), n = e?.beyond(o) ?? null, r = Math.max(...d.map(({ high: e }) => e), ...t.map((e) => e?.high ?? 0), f.high, n?.share.high ?? 0, 1e-12), i = e === null ? /* @__PURE__ */ new Set() : $n(e);
		s.forEach((n, a) => {
			let o = e?.removedBy(a) ?? null;
			ar(n, d[a], t[a], r, o === null ? "" : M(o)), n.element.classList.toggle("last-kept", i.has(a));
		}), ar(l, f, n?.share ?? null, r, ""), S(l.fate, n === null ? "not decided" : `${B(n.kept)} kept, ${B(c - n.kept)} removed`), l.element.classList.toggle("removed", n?.kept === 0);
	}
	return {
		element: u,
		draw: p
	};
}
function $n({ stages: e }) {
	let t = e.filter(({ removed: e, before: t, after: n }) => e > 0 && t && n && n.order === void 0 && n.to < t.to);
	return new Set(t.map(({ after: e }) => e.to - 1));
}
function er({ record: e, logits: t, raw: n }, r, i) {
	let a = e.tokens[r], o = e.ids[r], s = G(a), c = _("th", {
		scope: "row",
		class: "token-cell",
		title: `${Zn(a)}${o == null ? "" : `; id ${o}`}, rank ${r + 1}`
	});
	return i && (F(n) || tr(a)) ? x(c, _("button", {
		type: "button",
		class: "pick",
		"aria-label": `Continue with ${Zn(a)}`,
		onclick: () => i(r)
	}, s)) : x(c, s), nr(c, _("td", { class: "figure wide-only" }, L(t[r])));
}
function tr(e) {
	return e !== "" && !/[\ufffd]|<0x[0-9A-F]{2}>/.test(e);
}
function nr(e, t) {
	let n = _("td", { class: "figure raw-ink" }), r = _("td", { class: "figure processed-ink" }), [i, a] = [rr("raw"), rr("processed")], o = _("span", { class: "wide-only" }), s = _("span");
	return {
		element: _("tr", {}, e, t, n, r, _("td", { class: "bar-cell" }, _("span", {
			class: "bar-box",
			"aria-hidden": "true"
		}, i.element, a.element), _("span", { class: "fate" }, o, s))),
		raw: n,
		processed: r,
		rawBar: i,
		processedBar: a,
		fate: s,
		by: o
	};
}
function rr(e) {
	let t = _("span", { class: `bar bar-${e}` }), n = _("span", { class: `bar bar-${e} possible` });
	return {
		element: _("span", {}, n, t),
		certain: t,
		possible: n
	};
}
function ir(e, { low: t, high: n }, r) {
	e.certain.style.transform = `scaleX(${t / r})`, e.possible.style.transform = `scaleX(${n / r})`;
}
function ar(e, t, n, r, i) {
	or(e.raw, t, z), or(e.processed, n, z, i === "" ? void 0 : "–"), ir(e.rawBar, t, r), ir(e.processedBar, n ?? {
		low: 0,
		high: 0
	}, r), e.processed.title = n === null ? "not decided by the known tokens" : "", e.element.classList.toggle("removed", i !== ""), S(e.by, i ? "removed by " : ""), S(e.fate, i);
}
function or(e, t, n, r) {
	S(e, r ?? (t === null ? "?" : H(t, n)));
	let { low: i, high: a } = t ?? {
		low: NaN,
		high: NaN
	};
	e.dataset.low = String(i), e.dataset.high = String(a), e.dataset.value = i === a ? String(i) : "";
}
// src/parts/chainEditor.ts
function sr(e, t, { heat: n }) {
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
		let t = c().filter(Et);
		if (Qt(e) === Qt(t)) return;
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
		let o = r.some((e) => A.get(e.stage.name).tempers), s = [...A.values()].filter((e) => !(e.tempers && o) && !r.some((t) => t.stage.name === e.name));
		x(a, _("option", { value: "" }, "+ add a stage"), ...s.map((e) => _("option", { value: e.name }, `${e.name}: ${e.help}`))), a.hidden = s.length === 0, i.hidden = !n && r.length === 1 && r[0].stage.name === "temperature";
	}
	function f(e, t) {
		e.stage = t, document.activeElement !== e.number && (e.number.value = String(t.value)), e.range.value = String(t.value);
		let n = e.item.querySelector(".stage-value");
		n !== null && S(n, String(t.value)), e.range.setAttribute("aria-valuetext", `${t.name} ${t.value}`);
		for (let [n, r] of e.options) {
			let e = String(t.options?.[n.name] ?? n.initial);
			document.activeElement !== r && r.value !== e && (r.value = e);
		}
	}
	function p(e) {
		let t = A.get(e.name), r = w(e.name), i = t.name === "temperature" && !n, a = _("button", {
			type: "button",
			class: "handle",
			title: "Drag, or use the arrow keys, to change the order"
		}, _("span", { "aria-hidden": "true" }, "⠿")), { low: o, high: s, step: c } = t.slider, l = _("input", {
			type: "range",
			min: o,
			max: s,
			step: c,
			"aria-label": e.name,
			"data-stage": e.name
		}), u = _("input", {
			id: r,
			type: "number",
			min: t.low,
			step: "any",
			inputmode: "decimal",
			"data-number": e.name
		}), d = _("p", { class: "effect" }), p = new Map((t.options ?? []).map((e) => [e, ur(e)])), g = p.size === 0 ? null : _("details", {
			class: "stage-options",
			open: e.options !== void 0
		}, _("summary", {}, "more settings"), ...[...p].map(([e, t]) => _("label", {}, `${e.name} `, t))), y = _("button", {
			type: "button",
			class: "quiet remove",
			"aria-label": `Remove ${e.name}`
		}, _("span", { "aria-hidden": "true" }, "×")), x = {
			stage: e,
			item: _("li", {
				class: "stage",
				"data-name": e.name
			}, a, _("label", {
				for: r,
				class: "stage-name",
				title: t.help
			}, ...lr(e.name)), i ? null : l, i ? _("span", {
				class: "meta stage-value",
				title: "set by the slider above"
			}, String(e.value)) : u, y, d, g),
			handle: a,
			range: l,
			number: u,
			options: p,
			effect: d
		};
		for (let [e, n] of p) n.addEventListener("input", () => h(x, t, e, n));
		return l.addEventListener("input", () => m(x, t, l.value)), u.addEventListener("input", () => m(x, t, u.value)), u.addEventListener("blur", () => f(x, x.stage)), y.addEventListener("click", () => v(x)), a.addEventListener("keydown", (e) => b(x, e)), C(x), x;
	}
	function m(e, t, n) {
		try {
			if (n.trim() === "") return;
			f(e, {
				...e.stage,
				value: kt(t, Number(n), n)
			}), e.number.removeAttribute("aria-invalid"), S(o, ""), l();
		} catch (t) {
			e.number.setAttribute("aria-invalid", "true"), S(o, t.message);
		}
	}
	function h(e, t, n, r) {
		try {
			if (r.value.trim() === "") return;
			let i = At(t, n, r.value);
			f(e, Ot(e.stage, {
				...e.stage.options,
				[n.name]: i
			})), r.removeAttribute("aria-invalid"), S(o, ""), l();
		} catch (e) {
			r.setAttribute("aria-invalid", "true"), S(o, e.message);
		}
	}
	function g(e) {
		let n = Ct(e);
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
	function C(e) {
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
	function ee(e, t = "off") {
		for (let n of r) {
			let r = e.find((e) => e.stage.name === n.stage.name);
			S(n.effect, r === void 0 ? Et(n.stage) ? t : "off" : cr(r));
		}
	}
	return d(), {
		element: s,
		show: u,
		report: ee
	};
}
function cr(e) {
	let t = A.get(e.stage.name);
	return t.looksBack ? e.after !== void 0 && e.after === e.before ? "changes nothing here: no token in its scope came before" : "moves the logits of tokens that came before" : t.name === "dynatemp" ? "a temperature that follows the entropy" : !t.truncates && e.removed === 0 ? e.stage.value === 1 ? "leaves the model as it is" : e.stage.value < 1 ? "sharpens" : "flattens" : `keeps ${B(e.kept)}, removes ${B(e.removed)}; keeps ${H(e.keptMass, z)} of the mass that came in`;
}
function lr(e) {
	return e.split(/(?<=_)/).flatMap((e, t) => t === 0 ? [e] : [_("wbr"), e]);
}
function ur(e) {
	return e.words === void 0 ? _("input", {
		type: "text",
		inputmode: e.scope ? "text" : "decimal",
		autocomplete: "off",
		"data-option": e.name
	}) : x(_("select", { "data-option": e.name }), ...e.words.map((e) => _("option", { value: e }, e)));
}
// src/parts/frame.ts
function dr(e) {
	let t = !1;
	return () => {
		t || (t = !0, requestAnimationFrame(() => {
			t = !1, e();
		}));
	};
}
function fr(e, t, n) {
	let r = 0, i = new ResizeObserver(([i]) => {
		let a = Math.max(280, Math.round(i.contentRect.width));
		a !== r && i.contentRect.width !== 0 && (r = a, e.setAttribute("viewBox", `0 0 ${a} ${t}`), n(a));
	});
	return i.observe(e), () => i.disconnect();
}
// src/parts/known.ts
function pr(e, t, n) {
	if (!n) return e.note ? _("p", { class: "note" }, e.note) : null;
	if (e.known === "full") return _("p", { class: "note" }, `This model runs here: its ${B(t)} most likely tokens are shown, and what they leave is the rest.`);
	let r = e.vocabulary === null ? `of an unknown number (the wide ends hold for up to ${B(e.vocabulary_at_most)})` : `of ${B(e.vocabulary)}`;
	return _("div", {
		class: "note",
		role: "note"
	}, _("p", {}, `${B(t)} tokens ${r} are known. Every number here is an interval with the true value inside: lowest … highest; one number where both ends round to it.`), e.probe ? _("p", {}, _("b", {}, e.probe.logprobs === "raw" ? "Its logprobs are raw: " : "Its logprobs are processed: "), mr(e.probe)) : null, e.note ? _("p", {}, e.note) : null);
}
function mr(e) {
	return `${e.logprobs === "raw" ? "the model’s own, before any setting." : "what the server’s own settings left of the model’s; a temperature set here comes on top."} Probed: ${[
		"temperature",
		"top_p",
		"top_k"
	].map((t) => `${t} ${e[t]}`).join(", ")}; seed ${e.seed === null ? "unclear" : e.seed ? "honoured" : "ignored"}.`;
}
// src/math/partial.ts
var hr = 1e-13, gr = 1e-12, _r = (e) => Math.exp(Math.min(e, 700)), vr = (e, t) => e > 0 ? e / (e + t) : 0, yr = (e) => e > 0 ? -e * Math.log(e) : 0, br = (e, t, n) => Math.min(Math.max(e, t), n), K = (e) => Array.prototype.reduce.call(e, (e, t) => e + t, 0), xr = class e {
	tailWeight;
	scaled;
	low;
	high;
	tokens;
	ceiling;
	temperature;
	normalised;
	constructor(e, t, n, r, i, a) {
		this.low = e, this.high = t, this.tokens = n, this.ceiling = r, this.temperature = i, this.normalised = a;
	}
	static of(t, n, r) {
		let i = Float64Array.from(t, (e) => Math.min(e, 0)).sort().reverse(), a = K(i.map(Math.exp)), o = a > Math.exp(r) + hr ? Math.log(a) : r, s = Math.min(i.at(-1) + o, 0);
		return new e(i.map((e) => e - o), i.map((e) => Math.min(e + o, 0)), n, s, 1, !0);
	}
	static wholeOf(t, n) {
		return new e(t, n, t.length, -Infinity, 1, !1);
	}
	at(t) {
		return new e(this.low, this.high, this.tokens, this.ceiling, t, this.normalised);
	}
	get seen() {
		return this.low.length;
	}
	get unknown() {
		return this.tokens - this.low.length;
	}
	get whole() {
		return this.unknown === 0 || this.largestUnknown === 0;
	}
	get rounded() {
		return this.low.some((e, t) => e !== this.high[t]);
	}
	get exact() {
		return this.whole && !this.rounded;
	}
	get unknownMass() {
		if (!this.normalised || this.unknown === 0) return N(0);
		let e = 1 - K(this.low.map(Math.exp)) + hr, t = 1 - K(this.high.map(Math.exp)) - hr, n = this.unknown * Math.exp(this.ceiling);
		return {
			low: br(t, 0, n),
			high: br(e, 0, n)
		};
	}
	get largestUnknown() {
		return Math.min(Math.exp(this.ceiling), this.unknownMass.high);
	}
	get ranked() {
		if (this.whole) return this.seen;
		let e = Math.log(this.largestUnknown);
		return this.low.filter((t, n) => t >= e || this.high[n] >= this.ceiling).length;
	}
	get weights() {
		let e = this.high[0], t = (t) => t.map((t) => Math.exp((t - e) / this.temperature));
		return this.scaled ??= [t(this.low), t(this.high)];
	}
	get largestWeight() {
		return this.whole ? 0 : _r((Math.log(this.largestUnknown) - this.high[0]) / this.temperature);
	}
	get unknownWeight() {
		if (this.whole) return N(0);
		if (this.tailWeight !== void 0) return this.tailWeight;
		let e = 1 / this.temperature, t = this.high[0] * e, n = (n) => _r(e * Math.log(n) + (1 - e) * Math.log(this.unknown) - t), r = (n) => _r(Math.log(n) + (e - 1) * Math.log(this.largestUnknown) - t), { low: i, high: a } = this.unknownMass, [o, s] = this.temperature >= 1 ? [r(i), n(a)] : [n(i), r(a)];
		return this.tailWeight = {
			low: o,
			high: Math.min(Math.max(o, s), this.unknown * this.largestWeight)
		};
	}
	get largestShare() {
		let e = this.largestWeight;
		return e > 0 ? e / (K(this.weights[0]) + Math.max(e, this.unknownWeight.low)) : 0;
	}
	get probs() {
		if (this.temperature === 0) return Array.from(this.low, (e, t) => ({
			low: +(t === 0 && this.ranked > 0),
			high: +(t === 0)
		}));
		let [e, t] = this.weights;
		if (this.exact) {
			let t = K(e);
			return Array.from(e, (e) => N(e / t));
		}
		let [n, r, i] = [
			K(e),
			K(t),
			this.unknownWeight
		];
		return Array.from(e, (a, o) => {
			let s = vr(e[o], Math.max(r - t[o], 0) + i.high), c = vr(t[o], Math.max(n - e[o], 0) + i.low);
			if (this.temperature === 1 && this.normalised) {
				let [e, t] = [Math.exp(this.low[o]), Math.exp(this.high[o])];
				[s, c] = this.rounded ? [Math.max(s, e), Math.min(c, t)] : [e, t];
			}
			return {
				low: Math.min(s, c),
				high: c
			};
		});
	}
	share(e) {
		if (this.temperature === 0) return {
			low: e(0) && this.ranked > 0 ? 1 : 0,
			high: +!!e(0)
		};
		let [t, n] = this.weights, r = (t, n) => K(t.filter((t, r) => e(r) === n)), i = vr(r(t, !0), r(n, !1) + this.unknownWeight.high), a = vr(r(n, !0), r(t, !1) + this.unknownWeight.low);
		return this.temperature === 1 && this.normalised && this.unknown > 0 && (i = Math.max(i, r(this.low.map(Math.exp), !0)), a = Math.min(a, r(this.high.map(Math.exp), !0))), this.exact && this.high.every((t, n) => t === -Infinity || e(n)) && (i = a = 1), {
			low: Math.min(i, a, 1),
			high: Math.min(a, 1)
		};
	}
	get firstShares() {
		if (this.temperature === 0) return Array.from(this.low, () => ({
			low: +(this.ranked > 0),
			high: 1
		}));
		let [e, t] = this.weights, [n, r, i] = [
			K(e),
			K(t),
			this.unknownWeight
		], a = this.temperature === 1 && this.normalised && this.unknown > 0, [o, s, c, l] = [
			0,
			0,
			0,
			0
		];
		return Array.from(e, (u, d) => {
			o += e[d], s += t[d], c += Math.exp(this.low[d]), l += Math.exp(this.high[d]);
			let f = vr(o, Math.max(r - s, 0) + i.high), p = vr(s, Math.max(n - o, 0) + i.low);
			return a && ([f, p] = [Math.max(f, c), Math.min(p, l)]), {
				low: Math.min(f, p),
				high: Math.min(p, 1)
			};
		});
	}
	get unseen() {
		if (this.whole) return N(0);
		let { low: e, high: t } = this.share(() => !0);
		return {
			low: Math.max(1 - t, 0),
			high: Math.max(1 - e, 0)
		};
	}
	get support() {
		if (this.temperature === 0) return N(1);
		let e = this.high.filter((e) => e > -Infinity).length;
		return {
			low: e + +(this.unknownMass.low > 0),
			high: e + (this.whole ? 0 : this.unknown)
		};
	}
	get entropy() {
		if (this.support.high === 1) return N(0);
		let e = this.probs;
		if (this.exact || this.whole && e.every(({ low: e, high: t }) => e === t)) return N(K(e.map(({ low: e }) => yr(e))));
		let [t, n] = [this.entropyByWeights(), this.entropyByShares(e)], r = Math.min(t.high, n.high, Math.log(this.tokens));
		return {
			low: Math.min(Math.max(t.low, n.low, 0), r),
			high: r
		};
	}
	get margin() {
		if (this.ranked === 0) return {
			low: 0,
			high: Infinity
		};
		let e = this.seen > 1, t = Math.max(e ? this.high[1] : -Infinity, this.whole ? -Infinity : Math.log(this.largestUnknown)), n = Math.max(e ? this.low[1] : -Infinity, this.whole ? -Infinity : Math.log(this.unknownMass.low / this.unknown)), r = n === -Infinity ? Infinity : this.high[0] - n, i = t === -Infinity ? Infinity : Math.max(this.low[0] - t, 0);
		return !this.rounded && this.ranked > 1 && Number.isFinite(i) ? N(r) : {
			low: i,
			high: Math.max(i, r)
		};
	}
	nucleus(e) {
		if (this.temperature === 0 || e === 0) return N(1);
		if (e === 1) return this.support;
		let t = e * (1 - ce), n = this.ranked, r = this.firstShares.slice(0, n), i = (e) => {
			let n = r.findIndex((n) => n[e] >= t);
			return n < 0 ? null : n + 1;
		}, a = r.at(-1) ?? N(0), [o, s] = [i("high"), i("low")];
		if (o === null) {
			let e = Math.max(this.largestShare, n < this.seen ? this.probs[n].high : 0), r = e > 0 ? Math.ceil((t - a.high) / e * (1 - 1e-9)) : 1;
			o = Math.min(n + Math.max(r, 1), this.tokens);
		}
		if (s === null) {
			let e = 1 - a.low, r = e > 0 ? Math.ceil((this.tokens - n) * (t - a.low) / e * (1 + 1e-13)) : 1;
			s = this.whole ? this.tokens : Math.min(n + Math.max(r, 1), this.tokens);
		}
		return {
			low: o,
			high: Math.max(o, s)
		};
	}
	possible() {
		let t = (e, t) => this.high[t] > -Infinity, n = this.high.filter((e) => e === -Infinity).length + (this.whole ? this.unknown : 0);
		return n === 0 ? this : new e(this.low.filter(t), this.high.filter(t), this.tokens - n, this.ceiling, this.temperature, this.normalised);
	}
	kept(t) {
		let n = this.high[t[0]], r = this.temperature || 1, i = (e) => Float64Array.from(t, (t) => (e[t] - n) / r);
		return e.wholeOf(i(this.low), i(this.high));
	}
	divided({ low: t, high: n }) {
		let r = this.high[0];
		return e.wholeOf(this.low.map((e) => (e - r) / t), this.high.map((e) => (e - r) / n));
	}
	entropyByWeights() {
		let [e, t] = this.weights, [n, r, i] = [
			0,
			0,
			0
		];
		e.forEach((e, a) => {
			let o = t[a];
			if (o === 0) return;
			let s = e > 0 ? Math.exp((Math.log(e) + Math.log(o)) / 2) : 0;
			n += s, r -= yr(s), i = Math.max(i, e > 0 ? (Math.log(o) - Math.log(e)) / 2 : Infinity);
		});
		let a = this.unknownWeight, o = (e, t) => {
			let i = n + e;
			return Math.log(i) - (r + (e > 0 ? e * t : 0)) / i;
		}, [s, c] = [o(0, 0), o(0, 0)];
		if (a.high > 0) {
			let e = Math.log(this.largestWeight), t = br(e * n - r - n, a.low, a.high), i = br(this.unknown * _r(r / n), a.low, a.high);
			[s, c] = [o(t, e), o(i, Math.log(i / this.unknown))];
		}
		let l = i * (Math.log(Math.max(this.tokens, 1)) / 2 + 1);
		return {
			low: s - l,
			high: c + l
		};
	}
	entropyByShares(e) {
		let t = this.unseen, n = this.whole ? 0 : this.unknown, r = n > 0 ? t.low / n : 0, i = n > 0 ? this.largestShare : 0, a = Math.max(r, n > 0 ? Math.min(i, t.high / n) : 0), [o, s] = [-745, 0];
		for (let t = 0; t < 80; t++) {
			let t = Math.exp((o + s) / 2);
			K(e.map(({ low: e, high: n }) => br(t, e, n))) + n * br(t, r, a) < 1 ? o = (o + s) / 2 : s = (o + s) / 2;
		}
		let c = Math.exp(s), l = K(e.map(({ low: e, high: t }) => yr(br(c, e, t)))) + n * yr(br(c, r, a)), u = n > 0 ? this.ranked : e.length;
		if (i = Math.max(i, u < e.length ? e[u].high : 0), u === 0 || i > 0 && e[u - 1].low * Math.E < i) return {
			low: 0,
			high: l + 1e-12
		};
		let d = t.low + K(e.slice(u).map(({ low: e }) => e)), f = Math.max(1 - K(e.slice(0, u).map(({ low: e }) => e)) - d, 0), [p, m] = [0, 0];
		for (let { low: t, high: n } of e.slice(0, u)) {
			let e = t + br(f, 0, n - t);
			f -= n - t, p += e, m += yr(e);
		}
		let h = n > 0 || u < e.length ? Math.max(1 - p, d) : 0;
		return h > 0 && i > 0 && (m -= h * Math.log(i)), {
			low: m - 1e-12,
			high: l + 1e-12
		};
	}
	get rankedTokens() {
		return this.ranked;
	}
	get largestUnknownProb() {
		return this.largestUnknown;
	}
};
function Sr(e, t) {
	let n = t.at(1).possible(), r = Cr(t, e), i = Tr(t, r);
	return qt({
		chain: e,
		stages: r.stages,
		before: n.tokens,
		kept: r.kept,
		nucleus: n.nucleus(.9).low,
		survivors: (e) => Cr(t, e),
		size: ({ kept: e }) => e,
		same: (e, t) => e.tail === t.tail && e.ranks.length === t.ranks.length && e.ranks.every((e, n) => e === t.ranks[n]),
		entropy: r.left.entropy,
		unseen: r.left.unseen,
		largestUnseen: r.tail ? r.left.largestShare : 0,
		prob: (e) => i[e] ?? N(0),
		beyond: (e) => ({
			share: wr(r, e),
			kept: r.ranks.filter((t) => t >= e).length + (r.tail ? r.left.unknown : 0)
		}),
		removedBy: (e) => i[e].high > 0 ? null : r.stages.find((t) => t.removedRanks.includes(e))?.stage ?? null
	});
}
function Cr(e, t) {
	let n = e.at(1).possible(), r = n, i = Array.from(n.low, (e, t) => t), a = N(1), o = [];
	for (let e of t) {
		let t = A.get(e.name);
		if (t.looksBack) throw q(e, "it depends on token ids or on the text before, and only ranks are known");
		let [s, c] = [i, !r.whole], l = N(1), u = (e) => {
			let t = new Set(e);
			l = r.share((e) => t.has(e)), r = r.kept(e), i = e.map((e) => s[e]);
		};
		if (t.tempers) {
			let t = Er(r, e);
			if (t.low === 0) {
				if (r.rankedTokens === 0) throw q(e, "an unknown token may be the most likely one");
				u([0]);
			} else a = t, r = t.low === t.high ? r.at(t.low) : r.divided(t);
		} else {
			let t = Dr(r, e);
			t !== null && (c || t.length < s.length) && u(t);
		}
		let d = r.whole ? 0 : r.unknown, f = s.length + (c ? n.unknown : 0), p = new Set(i);
		o.push({
			stage: e,
			kept: i.length + d,
			removed: f - i.length - d,
			keptMass: l,
			keptMassTotal: Fr(n, i, d > 0, a),
			removedRanks: s.filter((e) => !p.has(e))
		});
	}
	let s = !r.whole;
	return {
		left: r,
		ranks: i,
		tail: s,
		kept: i.length + (s ? r.unknown : 0),
		temperature: a,
		stages: o
	};
}
function wr({ left: e, ranks: t }, n) {
	let { low: r, high: i } = e.share((e) => t[e] < n);
	return {
		low: 1 - i,
		high: 1 - r
	};
}
function Tr(e, t) {
	let n = e.at(1).possible(), r = Array.from(n.low, () => N(0));
	return t.left.probs.forEach((e, n) => r[t.ranks[n]] = e), Array.from(e.low, (e, t) => {
		if (t >= n.seen) return N(0);
		let { low: i, high: a } = r[t];
		for (let e = 0; e < n.seen; e++) n.high[e] > n.low[t] && n.low[e] < n.high[t] && (i = Math.min(i, r[e].low), a = Math.max(a, r[e].high));
		return {
			low: i,
			high: a
		};
	});
}
function Er(e, t) {
	let n = t.name === "temperature" ? t.value : Number(t.options?.temperature ?? 1);
	if (t.name === "temperature" || n === 0) return N(n);
	if (!e.whole) throw q(t, "it follows the entropy of all tokens, and unknown ones are still there");
	if (e.exact) {
		let n = tn(be(e.low.slice()), t);
		return N(n.to - n.from === 1 && e.seen > 1 ? 0 : n.temperature);
	}
	let r = Number(xt(A.get(t.name), t.options).exponent ?? 1), i = Math.log(Math.max(e.seen, 2)), [a, o] = [Math.max(n - t.value, 0), n + t.value], s = (e) => a + (o - a) * Math.min(e / i, 1) ** r, c = {
		low: s(e.entropy.low),
		high: s(e.entropy.high)
	};
	if (c.low === 0 && c.high > 0) throw q(t, "rounding leaves open whether its temperature is 0");
	return c;
}
function Dr(e, t) {
	if (e.exact) {
		let n = tn(be(e.low.map((t) => t / (e.temperature || 1))), t);
		return Array.from({ length: n.to - n.from }, (e, t) => k(n, n.from + t)).sort((e, t) => e - t);
	}
	let { name: n, value: r } = t;
	if (n === "top_k") return r >= e.tokens ? null : kr(e, t, r);
	if (n === "top_p") {
		let { low: n, high: i } = e.nucleus(r);
		if (n !== i) throw q(t, `the nucleus holds ${n.toLocaleString("en")} to ${i.toLocaleString("en")} tokens`);
		return kr(e, t, n);
	}
	if (n === "min_p") return kr(e, t, jr(e, t, N(Math.log(r)), !0));
	if (n === "epsilon_cutoff") return kr(e, t, Math.max(jr(e, t, N(Math.log(r)), !1), 1));
	if (n === "eta_cutoff") {
		let n = (e) => Math.min(Math.log(r), Math.log(r) / 2 - e), { low: i, high: a } = e.entropy;
		return kr(e, t, Math.max(jr(e, t, {
			low: n(a),
			high: n(i)
		}, !1), 1));
	}
	if (!e.whole) throw q(t, `it needs the whole vocabulary as long as nothing before it has cut off all but the ${e.seen} known tokens`);
	if (n === "top_n_sigma") return Or(Mr(e, t));
	if (n === "typical_p") return Nr(e, t);
	let i = xt(A.get(n), t.options);
	if (n === "top_h" && i.entropy === "kept" && !i.among) return Or(Pr(e, t));
	throw q(t, "its logprobs are rounded");
}
var Or = (e) => Array.from({ length: e }, (e, t) => t);
function kr(e, t, n) {
	let r = xt(A.get(t.name), t.options), i = "min_keep" in r ? Math.max(n, Math.min(Number(r.min_keep), e.tokens)) : n;
	if (e.whole && (i = Math.min(i, e.seen)), i > e.rankedTokens) throw q(t, `the ${e.rankedTokens} most likely tokens are known, and it keeps ${i.toLocaleString("en")}`);
	return r.ties === "all" && i < e.tokens && (i = Ar(e, t, i)), Or(i);
}
function Ar(e, t, n) {
	let r = e.low[n - 1];
	if (!e.whole && Math.log(e.largestUnknownProb) >= r) throw q(t, "unknown tokens may tie with the last one kept");
	let i = e.high.subarray(n);
	if (!e.rounded) return n + i.filter((t) => t === e.high[n - 1]).length;
	if (i.length > 0 && i[0] >= r) throw q(t, "rounding leaves open which tokens tie with the last one kept");
	return n;
}
function jr(e, t, n, r) {
	let i = e.temperature, a, o;
	if (r) a = Array.from(e.low, (t, n) => {
		if (n === 0) return N(0);
		let r = (e.high[n] - e.low[0]) / i;
		return e.rounded ? {
			low: (t - e.high[0]) / i,
			high: r
		} : N(r);
	}), o = (Math.log(e.largestUnknownProb) - e.low[0]) / i;
	else {
		a = e.probs.map(({ low: e, high: t }) => ({
			low: Math.log(e),
			high: Math.log(t)
		}));
		let t = e.largestUnknownProb ** (1 / i);
		o = Math.log(t / (t + K(e.low.map((e) => Math.exp(e / i)))));
	}
	let s = a.filter((e) => e.low >= n.high - gr).length, c = a.findIndex((e) => !(e.low >= n.high - gr) && !(e.high < n.low - gr));
	if (c >= 0) throw q(t, `the token of rank ${c + 1} is too near to its limit`);
	if (!e.whole && o >= n.low - gr) throw q(t, `unknown tokens may pass it besides ${s} known ones`);
	return s;
}
function Mr(e, t) {
	let n = e.temperature, r = e.low.map((t, r) => (t + e.high[r]) / 2 / n), i = Math.max(...e.low.map((t, n) => (e.high[n] - t) / 2)) / n, a = K(r) / r.length, o = t.value * Math.sqrt(K(r.map((e) => (e - a) ** 2)) / r.length), s = (2 + t.value) * i, c = 1;
	for (let e = 1; e < r.length; e++) {
		let n = r[0] - r[e];
		if (n <= o - s) c += 1;
		else if (n <= o + s) throw q(t, "a token lies too near to its limit");
	}
	return c;
}
function Nr(e, t) {
	let n = e.entropy, r = e.probs.map(({ low: e, high: t }) => {
		let [r, i] = [-Math.log(t) - n.high, -Math.log(e) - n.low];
		return {
			low: r <= 0 && i >= 0 ? 0 : Math.min(Math.abs(r), Math.abs(i)),
			high: Math.max(Math.abs(r), Math.abs(i))
		};
	}), i = Or(r.length).sort((e, t) => r[e].low + r[e].high - r[t].low - r[t].high), a = t.value * (1 - ce), o = Number(xt(A.get(t.name), t.options).min_keep ?? 1);
	for (let t = 1; t <= i.length; t++) {
		let n = i.slice(0, t), s = (t) => e.share((e) => t.includes(e));
		if (s(n).high < a) continue;
		let c = t === i.length || Math.max(...n.map((e) => r[e].high)) < Math.min(...i.slice(t).map((e) => r[e].low)), l = Math.max(...n.map((e) => r[e].low)), u = n.filter((e) => r[e].high >= l), d = t === 1 || u.every((e) => s(n.filter((t) => t !== e)).high < a);
		if (c && s(n).low >= a && d && t >= o) return n.sort((e, t) => e - t);
		break;
	}
	throw q(t, "rounding leaves open which tokens come first in its order");
}
function Pr(e, t) {
	let n = e.entropy;
	for (let r = 2; r <= e.seen; r++) {
		let i = e.kept(Or(r)).entropy;
		if (i.low > t.value * n.high * (1 + ce)) return r - 1;
		if (i.high > t.value * n.low * (1 + ce)) throw q(t, `rounding leaves open whether ${r} tokens stay under its bound`);
	}
	return e.seen;
}
function Fr(e, t, n, r) {
	if (n || t.length === e.seen && e.whole) return N(1);
	let i = new Set(t), a = [r.low, r.high].map((t) => e.at(t).share((e) => i.has(e)));
	return r.low === r.high ? a[0] : t.every((e, t) => e === t) ? {
		low: Math.min(...a.map((e) => e.low)),
		high: Math.max(...a.map((e) => e.high))
	} : {
		low: 0,
		high: 1
	};
}
function q(e, t) {
	return new j(`What ${M(e)} keeps cannot be decided here: ${t}; cut to the known tokens first (top_k), ask for more logprobs or more decimals, or use a model that runs here.`);
}
// src/views/subject.ts
function Ir(e) {
	if (e.logits !== null) {
		let t = yn(e.logits), n = {
			ids: e.history,
			ranks: e.history_ranks,
			promptLength: e.prompt_length
		}, r = (e) => nn(e, t, n), i = r([]), a = F(i) ? Te(i.raw) : NaN;
		return {
			record: e,
			tokens: t.length,
			seen: t.length,
			logits: t,
			raw: i,
			explain: r,
			chain: e.chain,
			margin: N(a)
		};
	}
	let t = xr.of(e.logprobs, e.vocabulary_at_most, e.rounding), n = (e) => Sr(e, t);
	return {
		record: e,
		tokens: t.tokens,
		seen: t.seen,
		logits: Float64Array.from(e.logprobs),
		raw: n([]),
		explain: n,
		margin: t.margin,
		chain: Rr(n, e.chain) ? e.chain : "temperature=1"
	};
}
function Lr(e) {
	return F(e) ? N(an(e.processed)) : {
		low: Math.exp(e.entropy.low),
		high: Math.exp(e.entropy.high)
	};
}
function Rr(e, t) {
	try {
		return e(Xt(t).chain), !0;
	} catch (e) {
		if (e instanceof j) return !1;
		throw e;
	}
}
// src/views/compare.ts
var zr = 18;
function Br(e, t) {
	let { state: n, announce: r } = t, i = [{
		...Ir(e.a),
		name: "A",
		key: "chain_a"
	}, {
		...Ir(e.b),
		name: "B",
		key: "chain_b"
	}], a = e.comparable && e.a.rank_ids && e.b.rank_ids ? Vr(e.a, e.b) : null, o = i.map((e) => h(e)), s = _("div"), c = _("p", { class: "verdict-line" }), l = _("tbody"), u = e.compared !== null, d = ii(), f = dr(g), p = null;
	function m(e) {
		try {
			return Jt(n.get(e.key) ?? e.chain);
		} catch {
			return Xt(e.chain).chain;
		}
	}
	function h(t) {
		let i = (e) => n.set(t.key, Qt(e.filter(Et)) || " "), a = sr(i, r, { heat: !0 }), o = _("select", {
			"aria-label": `${t.name}: order and rules as in an engine`,
			onchange: () => {
				o.value && i(hn(o.value, m(t))), o.value = "";
			}
		});
		x(o, _("option", { value: "" }, "as in …"), ...[...mn.keys()].map((e) => _("option", { value: e }, e)));
		let [s, c, l] = [
			_("b"),
			_("b"),
			_("b")
		], u = W([
			{
				name: "tokens that can come",
				term: "truncation",
				value: s
			},
			{
				name: "entropy",
				unit: "nats",
				term: "entropy",
				value: c
			},
			{
				name: "effective support",
				unit: "tokens",
				term: "effective-support",
				value: l
			}
		]), d = Yt(Xt(t.record.chain).others), f = t.record.prompt_tokens.length > 0 ? t.record.prompt_tokens : [t.record.prompt];
		return {
			element: _("section", {
				class: `card side-${t.name.toLowerCase()}`,
				"aria-label": t.name
			}, _("h2", {}, _("span", { class: `side-mark mark-${t.name.toLowerCase()}` }, t.name), ` ${t.record.model}`), _("p", {
				class: "tokens side-prompt",
				dir: "auto"
			}, ...f.map(G)), pr(t.record, t.seen, e.compared !== null), d ? _("p", { class: "note" }, d) : null, e.compared === null ? a.element : null, e.compared === null ? _("p", { class: "chain-tools" }, o) : null, u),
			show(e) {
				a.show(m(t)), a.report(e.stages), S(s, B(e.kept)), S(c, H(e.entropy)), S(l, H(Lr(e)));
			}
		};
	}
	function g() {
		let [t, n] = i.map((e) => u ? e.raw : e.explain(m(e)));
		p = [t, n], o[0].show(t), o[1].show(n);
		let r = Hr(i, a, p, zr).map((t) => Gr(t, e, p)), f = u ? {
			a: t.unseen,
			b: n.unseen
		} : null, h = Math.max(...r.flatMap((e) => [e.a?.high ?? 0, e.b?.high ?? 0]), f?.a.high ?? 0, f?.b.high ?? 0, 1e-12);
		x(l, ...r.map((e) => Kr(e, h)), f ? Kr({
			token: null,
			...f,
			removedA: null,
			removedB: null
		}, h) : null), d.draw(r);
		let g = e.compared ? $r(e.compared) : a ? Jr(i, a, p) : [];
		x(s, g.length > 0 ? W(g) : null), S(c, Yr(i, a, p, e.compared));
	}
	let v = n.listen((e) => (e === "chain_a" || e === "chain_b") && f()), y = _("div", {}, a || u ? null : _("p", { class: "note" }, "The two models have different vocabularies, so no distance is given. Tokens are matched by their text. What one model writes in several pieces (␣Can·ber·ra) has the probability of all pieces in a row, for the raw distribution; – stands where nothing is known."), _("div", { class: "two" }, o[0].element, o[1].element), _("section", {
		class: "card",
		"aria-label": "The two distributions"
	}, c, s, _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "Tokens in A and in B"
	}, _("table", { class: `bars pair${u ? " range-bars" : ""}` }, _("caption", { class: "sr" }, `${u ? "Raw" : "Processed"} probability of each token in A and in B`), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token ", U("token")), _("th", {
		scope: "col",
		class: "figure ink-a"
	}, "in A ", U(u ? "raw" : "processed")), _("th", {
		scope: "col",
		class: "figure ink-b"
	}, "in B ", U(u ? "raw" : "processed")), _("th", { scope: "col" }, _("span", { class: "sr" }, "bars")))), l))), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "How far apart each token is "), U(u ? "raw" : "processed"), " ", _("small", {}, `One step of the axis is a factor of 100${u ? "; a line reaches from the lowest to the highest that a token can have" : ""}.`), " ", _("span", { class: "legend" }, _("span", { class: "key key-accent" }, "A"), _("span", { class: "key key-second" }, "B"))), d.element));
	return g(), {
		element: y,
		close: () => {
			v(), d.close();
		},
		download: {
			name: "retort-compare",
			json: () => ai(e, i, a, p),
			csv: () => [[
				"token",
				"prob_a_low",
				"prob_a_high",
				"prob_b_low",
				"prob_b_high"
			], ...Hr(i, a, p, 500).map(({ token: e, a: t, b: n }) => [
				e,
				t?.low ?? null,
				t?.high ?? null,
				n?.low ?? null,
				n?.high ?? null
			])],
			svg: () => d.element
		}
	};
}
function Vr(e, t) {
	let n = Math.max(e.vocabulary, t.vocabulary), r = [bn(e.rank_ids), bn(t.rank_ids)];
	return {
		size: n,
		ids: r,
		ranks: [cn(r[0], n), cn(r[1], n)]
	};
}
function Hr(e, t, n, r) {
	let i = t ? Ur(e, t, n, r) : Wr(e, n), a = (e) => Math.max(e.a?.high ?? 0, e.b?.high ?? 0);
	return i.sort((e, t) => a(t) - a(e)).slice(0, r);
}
function Ur(e, { ids: t, ranks: n }, r, i) {
	let a = new Map(e.flatMap(({ record: e }) => e.ids.map((t, n) => [t, e.tokens[n]]))), o = r.flatMap((e, n) => {
		let { processed: r } = e;
		return [...Array.from({ length: Math.min(i, e.kept) }, (e, i) => t[n][k(r, r.from + i)]), ...t[n].subarray(0, 4)];
	});
	return [...new Set(o)].map((t) => {
		let [i, o] = [n[0][t], n[1][t]], s = (t, n) => n < e[t].tokens ? r[t].prob(n) : N(0);
		return {
			token: a.get(t) ?? `#${t}`,
			a: s(0, i),
			b: s(1, o),
			removedA: r[0].removedBy(i)?.name ?? null,
			removedB: r[1].removedBy(o)?.name ?? null
		};
	});
}
function Wr(e, t) {
	let n = /* @__PURE__ */ new Map();
	return e.forEach(({ record: e }, r) => e.tokens.forEach((e, i) => {
		let a = n.get(e) ?? {
			a: null,
			b: null,
			removedA: null,
			removedB: null
		}, [o, s] = [t[r].prob(i), t[r].removedBy(i)?.name ?? null];
		r === 0 ? [a.a, a.removedA] = [a.a ?? o, a.removedA ?? s] : [a.b, a.removedB] = [a.b ?? o, a.removedB ?? s], n.set(e, a);
	})), [...n].map(([e, t]) => ({
		token: e,
		...t
	}));
}
function Gr(e, { spelled: t }, n) {
	let r = (n) => e.token !== null && (n === 0 ? e.a : e.b) === null ? t[n].find(({ text: t }) => t === e.token) ?? null : null, [i, a] = [r(0), r(1)], o = (e, { stages: t }) => e !== null && t.every(({ stage: e }) => e.name === "temperature" && e.value === 1) ? N(Math.exp(e.logprob)) : null;
	return {
		...e,
		a: e.a ?? o(i, n[0]),
		b: e.b ?? o(a, n[1]),
		spelled: [i, a]
	};
}
function Kr(e, t) {
	let [n, r] = [rr("a"), rr("b")];
	ir(n, e.a ?? N(0), t), ir(r, e.b ?? N(0), t);
	let i = (t, n, r) => {
		let i = _("td", {
			class: `figure ink-${r}`,
			title: n ? `removed by ${n}` : t === null ? "not among the tokens that are named" : null
		});
		if (n) return x(i, _("small", {}, `− ${n}`));
		let a = e.spelled?.[r === "a" ? 0 : 1]?.tokens ?? [], o = a.length > 1 ? _("small", {
			class: "spelled",
			title: "the pieces in which this model writes it; their raw probabilities multiplied"
		}, a.map(Xn).join("·")) : null;
		if (t === null) return x(i, _("small", {}, "–"), o);
		let s = _("span");
		return or(s, t, z), or(i, t, z), x(i, s, o);
	};
	return _("tr", { class: e.token === null ? "rest" : "" }, _("th", {
		scope: "row",
		class: "token-cell"
	}, e.token === null ? "all unknown ones" : G(e.token)), i(e.a, e.removedA, "a"), i(e.b, e.removedB, "b"), _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, n.element, r.element)));
}
function qr(e, t, n, r, i, a, o = "") {
	return {
		name: t,
		unit: n,
		term: r,
		value: _("span", {}, _("b", {
			"data-measure": e,
			"data-value": i ?? ""
		}, a), o ? _("small", {}, ` ${o}`) : null)
	};
}
function Jr(e, t, [n, r]) {
	let i = Qr(t, n, r);
	if (i === null || !F(n) || !F(r)) return [];
	let a = fn({
		window: n.tempered,
		ids: t.ids[0]
	}, e[1].logits, t.ids[1], t.size);
	return [
		qr("tv", "total variation", "0 same, 1 disjoint", "total-variation", i.totalVariation, L(i.totalVariation)),
		qr("jsd", "Jensen-Shannon", "nats, at most 0.693", "jsd", i.jsd, L(i.jsd)),
		qr("kl-forward", "KL(A ‖ B)", "nats", "kl", i.klForward, L(i.klForward)),
		qr("kl-reverse", "KL(B ‖ A)", "nats", "kl", i.klReverse, L(i.klReverse)),
		qr("equivalent", "τ that brings B nearest to A", "B whole, A tempered", "equivalent-temperature", a?.temperature ?? NaN, a === null ? "none" : R(a.temperature, 2), a === null ? "" : `${a.atBound ? "(a limit), " : ""}${An(a.residual)} remain`)
	];
}
function Yr([e, t], n, r, i) {
	let [a, o] = [Xr(e, r[0]), Xr(t, r[1])], s = a.token === o.token ? `Both put ${a.shown} first: A gives it ${a.share}, B ${o.share}.` : `A puts ${a.shown} first (${a.share}), B ${o.shown} (${o.share}).`, c = i ? P(i.total_variation) : n ? N(Qr(n, ...r)?.totalVariation ?? NaN) : null;
	return c === null || Number.isNaN(c.high) ? s : `${s} They share ${H({
		low: 1 - c.high,
		high: 1 - c.low
	}, Zr)} of their probability.`;
}
function Xr({ record: e }, t) {
	let n = 0;
	e.tokens.forEach((e, r) => {
		t.prob(r).high > t.prob(n).high && (n = r);
	});
	let r = e.tokens[n];
	return {
		token: r,
		shown: `“${Xn(r)}”`,
		share: H(t.prob(n), Zr)
	};
}
function Zr(e) {
	return e > 0 && e < .01 ? "less than 1%" : Dn(e);
}
function Qr(e, t, n) {
	return !F(t) || !F(n) ? null : ln({
		window: t.processed,
		ids: e.ids[0]
	}, {
		window: n.processed,
		ids: e.ids[1]
	}, e.size);
}
function $r(e) {
	let t = ({ low: e, high: t }) => e === t ? L(e) : e === -Infinity ? "inf" : `at least ${L(e)}`;
	return [
		qr("tv", "total variation", "0 same, 1 disjoint", "total-variation", null, H(P(e.total_variation))),
		qr("kl-forward", "KL(A ‖ B)", "nats", "kl", null, t(P(e.kl_ab))),
		qr("kl-reverse", "KL(B ‖ A)", "nats", "kl", null, t(P(e.kl_ba))),
		qr("common", "tokens that both name", "", "interval", null, L(e.common)),
		qr("logprob-difference", "largest difference of logprobs", "nats, among these", "logprob", null, L(e.logprob_difference))
	];
}
var ei = 20, ti = 120, ni = {
	right: 22,
	top: 8,
	bottom: 34
}, ri = 1e-6;
function ii() {
	let e = ni.top + 360 + ni.bottom, t = v("title"), n = v("g"), r = v("svg", {
		viewBox: `0 0 640 ${e}`,
		class: "chart pair-chart",
		role: "img"
	}, t, n);
	r.style.maxHeight = "none";
	let i = 640, a = [], o = fr(r, e, (e) => {
		i = e, c(a);
	}), s = (e) => e === null ? "not named" : H(e, z);
	function c(r) {
		a = r;
		let o = (e) => ti + (i - ni.right - ti) * Math.log(Math.max(e, ri) / ri) / Math.log(1 / ri), c = (e, t, n) => e === null || e.high < ri ? null : e.low === e.high ? v("circle", {
			class: `dot-${t}`,
			cx: o(e.low),
			cy: n,
			r: 5
		}) : v("line", {
			class: `whisker whisker-${t}`,
			x1: o(e.low),
			x2: Math.max(o(e.high), o(e.low) + 3),
			y1: n,
			y2: n
		}), l = (e, t, n) => e === null || t === null ? null : v("line", {
			class: "gap",
			x1: o(e.high),
			x2: o(t.high),
			y1: n,
			y2: n
		});
		S(t, `Probability in A and B: ${r.slice(0, 8).map((e) => `${Xn(e.token ?? "")} ${s(e.a)} and ${s(e.b)}`).join("; ")}`), x(n, ...[
			1,
			.01,
			1e-4,
			1e-6
		].flatMap((t) => [v("line", {
			class: "grid",
			x1: o(t),
			x2: o(t),
			y1: ni.top,
			y2: e - ni.bottom
		}), v("text", {
			x: o(t),
			y: e - ni.bottom + 16,
			"text-anchor": "middle"
		}, t === ri ? "≤ 0.0001%" : `${L(100 * t)}%`)]), ...r.flatMap((e, t) => {
			let n = ni.top + t * ei + ei / 2, r = Xn(e.token ?? "");
			return [
				v("text", {
					class: "dot-label",
					x: 112,
					y: n + 4,
					"text-anchor": "end"
				}, r.length > 14 ? `${r.slice(0, 13)}…` : r),
				l(e.a, e.b, n),
				c(e.a, "a", n),
				c(e.b, "b", n)
			];
		}), v("text", {
			x: i - ni.right,
			y: e - 2,
			"text-anchor": "end"
		}, "probability →"));
	}
	return {
		element: r,
		draw: c,
		close: o
	};
}
function ai(e, t, n, r) {
	let i = ({ record: { model: e, prompt: t } }, { stages: n }) => ({
		model: e,
		prompt: t,
		chain: Qt(n.map(({ stage: e }) => e))
	});
	return {
		a: i(t[0], r[0]),
		b: i(t[1], r[1]),
		comparable: e.comparable,
		distances: e.compared ?? (n && Qr(n, ...r)),
		tokens: Hr(t, n, r, 200)
	};
}
// src/views/glossary.ts
function oi({ state: e, data: t }) {
	let n = Object.entries(Rn).map(([e, { term: t, text: n }]) => _("div", {
		class: "entry",
		"data-term": e
	}, _("dt", {}, t), _("dd", {}, n))), r = () => {
		for (let t of n) {
			let n = t.dataset.term === e.get("term");
			t.setAttribute("aria-current", String(n)), n && t.scrollIntoView({ block: "center" });
		}
	}, i = e.listen((e) => e === "term" && r());
	return requestAnimationFrame(r), {
		element: _("div", {}, _("p", { class: "meta" }, `The words of this page, from docs/glossary.md of retort ${t.version}.`), _("dl", { class: "card glossary" }, ...n)),
		download: null,
		close: i
	};
}
// node_modules/d3-array/src/ascending.js
function si(e, t) {
	return e == null || t == null ? NaN : e < t ? -1 : e > t ? 1 : e >= t ? 0 : NaN;
}
// node_modules/d3-array/src/descending.js
function ci(e, t) {
	return e == null || t == null ? NaN : t < e ? -1 : t > e ? 1 : t >= e ? 0 : NaN;
}
// node_modules/d3-array/src/bisector.js
function li(e) {
	let t, n, r;
	e.length === 2 ? (t = e === si || e === ci ? e : ui, n = e, r = e) : (t = si, n = (t, n) => si(e(t), n), r = (t, n) => e(t) - n);
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
function ui() {
	return 0;
}
// node_modules/d3-array/src/number.js
function di(e) {
	return e === null ? NaN : +e;
}
// node_modules/d3-array/src/bisect.js
var fi = li(si), pi = fi.right;
fi.left, li(di).center;
// node_modules/d3-array/src/extent.js
function mi(e, t) {
	let n, r;
	if (t === void 0) for (let t of e) t != null && (n === void 0 ? t >= t && (n = r = t) : (n > t && (n = t), r < t && (r = t)));
	else {
		let i = -1;
		for (let a of e) (a = t(a, ++i, e)) != null && (n === void 0 ? a >= a && (n = r = a) : (n > a && (n = a), r < a && (r = a)));
	}
	return [n, r];
}
// node_modules/d3-array/src/ticks.js
var hi = Math.sqrt(50), gi = Math.sqrt(10), _i = Math.sqrt(2);
function vi(e, t, n) {
	let r = (t - e) / Math.max(0, n), i = Math.floor(Math.log10(r)), a = r / 10 ** i, o = a >= hi ? 10 : a >= gi ? 5 : a >= _i ? 2 : 1, s, c, l;
	return i < 0 ? (l = 10 ** -i / o, s = Math.round(e * l), c = Math.round(t * l), s / l < e && ++s, c / l > t && --c, l = -l) : (l = 10 ** i * o, s = Math.round(e / l), c = Math.round(t / l), s * l < e && ++s, c * l > t && --c), c < s && .5 <= n && n < 2 ? vi(e, t, n * 2) : [
		s,
		c,
		l
	];
}
function yi(e, t, n) {
	if (t = +t, e = +e, n = +n, !(n > 0)) return [];
	if (e === t) return [e];
	let r = t < e, [i, a, o] = r ? vi(t, e, n) : vi(e, t, n);
	if (!(a >= i)) return [];
	let s = a - i + 1, c = Array(s);
	if (r) {
		if (o < 0) for (let e = 0; e < s; ++e) c[e] = (a - e) / -o;
		else for (let e = 0; e < s; ++e) c[e] = (a - e) * o;
	} else if (o < 0) for (let e = 0; e < s; ++e) c[e] = (i + e) / -o;
	else for (let e = 0; e < s; ++e) c[e] = (i + e) * o;
	return c;
}
function bi(e, t, n) {
	return t = +t, e = +e, n = +n, vi(e, t, n)[2];
}
function xi(e, t, n) {
	t = +t, e = +e, n = +n;
	let r = t < e, i = r ? bi(t, e, n) : bi(e, t, n);
	return (r ? -1 : 1) * (i < 0 ? 1 / -i : i);
}
// node_modules/d3-scale/src/init.js
function Si(e, t) {
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
function Ci(e, t, n) {
	e.prototype = t.prototype = n, n.constructor = e;
}
function wi(e, t) {
	var n = Object.create(e.prototype);
	for (var r in t) n[r] = t[r];
	return n;
}
function Ti() {}
var Ei = .7, Di = 1 / Ei, Oi = "\\s*([+-]?\\d+)\\s*", ki = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)\\s*", Ai = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)%\\s*", ji = /^#([0-9a-f]{3,8})$/, Mi = RegExp(`^rgb\\(${Oi},${Oi},${Oi}\\)$`), Ni = RegExp(`^rgb\\(${Ai},${Ai},${Ai}\\)$`), Pi = RegExp(`^rgba\\(${Oi},${Oi},${Oi},${ki}\\)$`), Fi = RegExp(`^rgba\\(${Ai},${Ai},${Ai},${ki}\\)$`), Ii = RegExp(`^hsl\\(${ki},${Ai},${Ai}\\)$`), Li = RegExp(`^hsla\\(${ki},${Ai},${Ai},${ki}\\)$`), Ri = {
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
Ci(Ti, Ui, {
	copy(e) {
		return Object.assign(new this.constructor(), this, e);
	},
	displayable() {
		return this.rgb().displayable();
	},
	hex: zi,
	formatHex: zi,
	formatHex8: Bi,
	formatHsl: Vi,
	formatRgb: Hi,
	toString: Hi
});
function zi() {
	return this.rgb().formatHex();
}
function Bi() {
	return this.rgb().formatHex8();
}
function Vi() {
	return ta(this).formatHsl();
}
function Hi() {
	return this.rgb().formatRgb();
}
function Ui(e) {
	var t, n;
	return e = (e + "").trim().toLowerCase(), (t = ji.exec(e)) ? (n = t[1].length, t = parseInt(t[1], 16), n === 6 ? Wi(t) : n === 3 ? new J(t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, (t & 15) << 4 | t & 15, 1) : n === 8 ? Gi(t >> 24 & 255, t >> 16 & 255, t >> 8 & 255, (t & 255) / 255) : n === 4 ? Gi(t >> 12 & 15 | t >> 8 & 240, t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, ((t & 15) << 4 | t & 15) / 255) : null) : (t = Mi.exec(e)) ? new J(t[1], t[2], t[3], 1) : (t = Ni.exec(e)) ? new J(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, 1) : (t = Pi.exec(e)) ? Gi(t[1], t[2], t[3], t[4]) : (t = Fi.exec(e)) ? Gi(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, t[4]) : (t = Ii.exec(e)) ? ea(t[1], t[2] / 100, t[3] / 100, 1) : (t = Li.exec(e)) ? ea(t[1], t[2] / 100, t[3] / 100, t[4]) : Ri.hasOwnProperty(e) ? Wi(Ri[e]) : e === "transparent" ? new J(NaN, NaN, NaN, 0) : null;
}
function Wi(e) {
	return new J(e >> 16 & 255, e >> 8 & 255, e & 255, 1);
}
function Gi(e, t, n, r) {
	return r <= 0 && (e = t = n = NaN), new J(e, t, n, r);
}
function Ki(e) {
	return e instanceof Ti || (e = Ui(e)), e ? (e = e.rgb(), new J(e.r, e.g, e.b, e.opacity)) : new J();
}
function qi(e, t, n, r) {
	return arguments.length === 1 ? Ki(e) : new J(e, t, n, r ?? 1);
}
function J(e, t, n, r) {
	this.r = +e, this.g = +t, this.b = +n, this.opacity = +r;
}
Ci(J, qi, wi(Ti, {
	brighter(e) {
		return e = e == null ? Di : Di ** +e, new J(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? Ei : Ei ** +e, new J(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	rgb() {
		return this;
	},
	clamp() {
		return new J(Qi(this.r), Qi(this.g), Qi(this.b), Zi(this.opacity));
	},
	displayable() {
		return -.5 <= this.r && this.r < 255.5 && -.5 <= this.g && this.g < 255.5 && -.5 <= this.b && this.b < 255.5 && 0 <= this.opacity && this.opacity <= 1;
	},
	hex: Ji,
	formatHex: Ji,
	formatHex8: Yi,
	formatRgb: Xi,
	toString: Xi
}));
function Ji() {
	return `#${$i(this.r)}${$i(this.g)}${$i(this.b)}`;
}
function Yi() {
	return `#${$i(this.r)}${$i(this.g)}${$i(this.b)}${$i((isNaN(this.opacity) ? 1 : this.opacity) * 255)}`;
}
function Xi() {
	let e = Zi(this.opacity);
	return `${e === 1 ? "rgb(" : "rgba("}${Qi(this.r)}, ${Qi(this.g)}, ${Qi(this.b)}${e === 1 ? ")" : `, ${e})`}`;
}
function Zi(e) {
	return isNaN(e) ? 1 : Math.max(0, Math.min(1, e));
}
function Qi(e) {
	return Math.max(0, Math.min(255, Math.round(e) || 0));
}
function $i(e) {
	return e = Qi(e), (e < 16 ? "0" : "") + e.toString(16);
}
function ea(e, t, n, r) {
	return r <= 0 ? e = t = n = NaN : n <= 0 || n >= 1 ? e = t = NaN : t <= 0 && (e = NaN), new Y(e, t, n, r);
}
function ta(e) {
	if (e instanceof Y) return new Y(e.h, e.s, e.l, e.opacity);
	if (e instanceof Ti || (e = Ui(e)), !e) return new Y();
	if (e instanceof Y) return e;
	e = e.rgb();
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = Math.min(t, n, r), a = Math.max(t, n, r), o = NaN, s = a - i, c = (a + i) / 2;
	return s ? (o = t === a ? (n - r) / s + (n < r) * 6 : n === a ? (r - t) / s + 2 : (t - n) / s + 4, s /= c < .5 ? a + i : 2 - a - i, o *= 60) : s = c > 0 && c < 1 ? 0 : o, new Y(o, s, c, e.opacity);
}
function na(e, t, n, r) {
	return arguments.length === 1 ? ta(e) : new Y(e, t, n, r ?? 1);
}
function Y(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
Ci(Y, na, wi(Ti, {
	brighter(e) {
		return e = e == null ? Di : Di ** +e, new Y(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? Ei : Ei ** +e, new Y(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = this.h % 360 + (this.h < 0) * 360, t = isNaN(e) || isNaN(this.s) ? 0 : this.s, n = this.l, r = n + (n < .5 ? n : 1 - n) * t, i = 2 * n - r;
		return new J(aa(e >= 240 ? e - 240 : e + 120, i, r), aa(e, i, r), aa(e < 120 ? e + 240 : e - 120, i, r), this.opacity);
	},
	clamp() {
		return new Y(ra(this.h), ia(this.s), ia(this.l), Zi(this.opacity));
	},
	displayable() {
		return (0 <= this.s && this.s <= 1 || isNaN(this.s)) && 0 <= this.l && this.l <= 1 && 0 <= this.opacity && this.opacity <= 1;
	},
	formatHsl() {
		let e = Zi(this.opacity);
		return `${e === 1 ? "hsl(" : "hsla("}${ra(this.h)}, ${ia(this.s) * 100}%, ${ia(this.l) * 100}%${e === 1 ? ")" : `, ${e})`}`;
	}
}));
function ra(e) {
	return e = (e || 0) % 360, e < 0 ? e + 360 : e;
}
function ia(e) {
	return Math.max(0, Math.min(1, e || 0));
}
function aa(e, t, n) {
	return (e < 60 ? t + (n - t) * e / 60 : e < 180 ? n : e < 240 ? t + (n - t) * (240 - e) / 60 : t) * 255;
}
var oa = Math.PI / 180, sa = 180 / Math.PI, ca = 18, la = .96422, ua = 1, da = .82521, fa = 4 / 29, pa = 6 / 29, ma = 3 * pa * pa, ha = pa * pa * pa;
function ga(e) {
	if (e instanceof va) return new va(e.l, e.a, e.b, e.opacity);
	if (e instanceof Ta) return Ea(e);
	e instanceof J || (e = Ki(e));
	var t = Sa(e.r), n = Sa(e.g), r = Sa(e.b), i = ya((.2225045 * t + .7168786 * n + .0606169 * r) / ua), a, o;
	return t === n && n === r ? a = o = i : (a = ya((.4360747 * t + .3850649 * n + .1430804 * r) / la), o = ya((.0139322 * t + .0971045 * n + .7141733 * r) / da)), new va(116 * i - 16, 500 * (a - i), 200 * (i - o), e.opacity);
}
function _a(e, t, n, r) {
	return arguments.length === 1 ? ga(e) : new va(e, t, n, r ?? 1);
}
function va(e, t, n, r) {
	this.l = +e, this.a = +t, this.b = +n, this.opacity = +r;
}
Ci(va, _a, wi(Ti, {
	brighter(e) {
		return new va(this.l + ca * (e ?? 1), this.a, this.b, this.opacity);
	},
	darker(e) {
		return new va(this.l - ca * (e ?? 1), this.a, this.b, this.opacity);
	},
	rgb() {
		var e = (this.l + 16) / 116, t = isNaN(this.a) ? e : e + this.a / 500, n = isNaN(this.b) ? e : e - this.b / 200;
		return t = la * ba(t), e = ua * ba(e), n = da * ba(n), new J(xa(3.1338561 * t - 1.6168667 * e - .4906146 * n), xa(-.9787684 * t + 1.9161415 * e + .033454 * n), xa(.0719453 * t - .2289914 * e + 1.4052427 * n), this.opacity);
	}
}));
function ya(e) {
	return e > ha ? e ** (1 / 3) : e / ma + fa;
}
function ba(e) {
	return e > pa ? e * e * e : ma * (e - fa);
}
function xa(e) {
	return 255 * (e <= .0031308 ? 12.92 * e : 1.055 * e ** (1 / 2.4) - .055);
}
function Sa(e) {
	return (e /= 255) <= .04045 ? e / 12.92 : ((e + .055) / 1.055) ** 2.4;
}
function Ca(e) {
	if (e instanceof Ta) return new Ta(e.h, e.c, e.l, e.opacity);
	if (e instanceof va || (e = ga(e)), e.a === 0 && e.b === 0) return new Ta(NaN, 0 < e.l && e.l < 100 ? 0 : NaN, e.l, e.opacity);
	var t = Math.atan2(e.b, e.a) * sa;
	return new Ta(t < 0 ? t + 360 : t, Math.sqrt(e.a * e.a + e.b * e.b), e.l, e.opacity);
}
function wa(e, t, n, r) {
	return arguments.length === 1 ? Ca(e) : new Ta(e, t, n, r ?? 1);
}
function Ta(e, t, n, r) {
	this.h = +e, this.c = +t, this.l = +n, this.opacity = +r;
}
function Ea(e) {
	if (isNaN(e.h)) return new va(e.l, 0, 0, e.opacity);
	var t = e.h * oa;
	return new va(e.l, Math.cos(t) * e.c, Math.sin(t) * e.c, e.opacity);
}
Ci(Ta, wa, wi(Ti, {
	brighter(e) {
		return new Ta(this.h, this.c, this.l + ca * (e ?? 1), this.opacity);
	},
	darker(e) {
		return new Ta(this.h, this.c, this.l - ca * (e ?? 1), this.opacity);
	},
	rgb() {
		return Ea(this).rgb();
	}
}));
var Da = -.14861, Oa = 1.78277, ka = -.29227, Aa = -.90649, ja = 1.97294, Ma = ja * Aa, Na = ja * Oa, Pa = Oa * ka - Aa * Da;
function Fa(e) {
	if (e instanceof La) return new La(e.h, e.s, e.l, e.opacity);
	e instanceof J || (e = Ki(e));
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = (Pa * r + Ma * t - Na * n) / (Pa + Ma - Na), a = r - i, o = (ja * (n - i) - ka * a) / Aa, s = Math.sqrt(o * o + a * a) / (ja * i * (1 - i)), c = s ? Math.atan2(o, a) * sa - 120 : NaN;
	return new La(c < 0 ? c + 360 : c, s, i, e.opacity);
}
function Ia(e, t, n, r) {
	return arguments.length === 1 ? Fa(e) : new La(e, t, n, r ?? 1);
}
function La(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
Ci(La, Ia, wi(Ti, {
	brighter(e) {
		return e = e == null ? Di : Di ** +e, new La(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? Ei : Ei ** +e, new La(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = isNaN(this.h) ? 0 : (this.h + 120) * oa, t = +this.l, n = isNaN(this.s) ? 0 : this.s * t * (1 - t), r = Math.cos(e), i = Math.sin(e);
		return new J(255 * (t + n * (Da * r + Oa * i)), 255 * (t + n * (ka * r + Aa * i)), 255 * (t + ja * r * n), this.opacity);
	}
}));
var Ra = (e) => () => e;
function za(e, t) {
	return function(n) {
		return e + n * t;
	};
}
function Ba(e, t, n) {
	return e **= +n, t = t ** +n - e, n = 1 / n, function(r) {
		return (e + r * t) ** +n;
	};
}
function Va(e, t) {
	var n = t - e;
	return n ? za(e, n > 180 || n < -180 ? n - 360 * Math.round(n / 360) : n) : Ra(isNaN(e) ? t : e);
}
function Ha(e) {
	return (e = +e) == 1 ? Ua : function(t, n) {
		return n - t ? Ba(t, n, e) : Ra(isNaN(t) ? n : t);
	};
}
function Ua(e, t) {
	var n = t - e;
	return n ? za(e, n) : Ra(isNaN(e) ? t : e);
}
var Wa = (function e(t) {
	var n = Ha(t);
	function r(e, t) {
		var r = n((e = qi(e)).r, (t = qi(t)).r), i = n(e.g, t.g), a = n(e.b, t.b), o = Ua(e.opacity, t.opacity);
		return function(t) {
			return e.r = r(t), e.g = i(t), e.b = a(t), e.opacity = o(t), e + "";
		};
	}
	return r.gamma = e, r;
})(1);
function Ga(e, t) {
	t ||= [];
	var n = e ? Math.min(t.length, e.length) : 0, r = t.slice(), i;
	return function(a) {
		for (i = 0; i < n; ++i) r[i] = e[i] * (1 - a) + t[i] * a;
		return r;
	};
}
function Ka(e) {
	return ArrayBuffer.isView(e) && !(e instanceof DataView);
}
function qa(e, t) {
	for (var n = t ? t.length : 0, r = e ? Math.min(n, e.length) : 0, i = Array(r), a = Array(n), o = 0; o < r; ++o) i[o] = no(e[o], t[o]);
	for (; o < n; ++o) a[o] = t[o];
	return function(e) {
		for (o = 0; o < r; ++o) a[o] = i[o](e);
		return a;
	};
}
function Ja(e, t) {
	var n = /* @__PURE__ */ new Date();
	return e = +e, t = +t, function(r) {
		return n.setTime(e * (1 - r) + t * r), n;
	};
}
function Ya(e, t) {
	return e = +e, t = +t, function(n) {
		return e * (1 - n) + t * n;
	};
}
function Xa(e, t) {
	var n = {}, r = {}, i;
	for (i in typeof e == "object" && e || (e = {}), typeof t == "object" && t || (t = {}), t) i in e ? n[i] = no(e[i], t[i]) : r[i] = t[i];
	return function(e) {
		for (i in n) r[i] = n[i](e);
		return r;
	};
}
var Za = /[-+]?(?:\d+\.?\d*|\.?\d+)(?:[eE][-+]?\d+)?/g, Qa = new RegExp(Za.source, "g");
function $a(e) {
	return function() {
		return e;
	};
}
function eo(e) {
	return function(t) {
		return e(t) + "";
	};
}
function to(e, t) {
	var n = Za.lastIndex = Qa.lastIndex = 0, r, i, a, o = -1, s = [], c = [];
	for (e += "", t += ""; (r = Za.exec(e)) && (i = Qa.exec(t));) (a = i.index) > n && (a = t.slice(n, a), s[o] ? s[o] += a : s[++o] = a), (r = r[0]) === (i = i[0]) ? s[o] ? s[o] += i : s[++o] = i : (s[++o] = null, c.push({
		i: o,
		x: Ya(r, i)
	})), n = Qa.lastIndex;
	return n < t.length && (a = t.slice(n), s[o] ? s[o] += a : s[++o] = a), s.length < 2 ? c[0] ? eo(c[0].x) : $a(t) : (t = c.length, function(e) {
		for (var n = 0, r; n < t; ++n) s[(r = c[n]).i] = r.x(e);
		return s.join("");
	});
}
function no(e, t) {
	var n = typeof t, r;
	return t == null || n === "boolean" ? Ra(t) : (n === "number" ? Ya : n === "string" ? (r = Ui(t)) ? (t = r, Wa) : to : t instanceof Ui ? Wa : t instanceof Date ? Ja : Ka(t) ? Ga : Array.isArray(t) ? qa : typeof t.valueOf != "function" && typeof t.toString != "function" || isNaN(t) ? Xa : Ya)(e, t);
}
function ro(e, t) {
	return e = +e, t = +t, function(n) {
		return Math.round(e * (1 - n) + t * n);
	};
}
var io = 1e-12;
function ao(e) {
	return ((e = Math.exp(e)) + 1 / e) / 2;
}
function oo(e) {
	return ((e = Math.exp(e)) - 1 / e) / 2;
}
function so(e) {
	return ((e = Math.exp(2 * e)) - 1) / (e + 1);
}
(function e(t, n, r) {
	function i(e, i) {
		var a = e[0], o = e[1], s = e[2], c = i[0], l = i[1], u = i[2], d = c - a, f = l - o, p = d * d + f * f, m, h;
		if (p < io) h = Math.log(u / s) / t, m = function(e) {
			return [
				a + e * d,
				o + e * f,
				s * Math.exp(t * e * h)
			];
		};
		else {
			var g = Math.sqrt(p), _ = (u * u - s * s + r * p) / (2 * s * n * g), v = (u * u - s * s - r * p) / (2 * u * n * g), y = Math.log(Math.sqrt(_ * _ + 1) - _);
			h = (Math.log(Math.sqrt(v * v + 1) - v) - y) / t, m = function(e) {
				var r = e * h, i = ao(y), c = s / (n * g) * (i * so(t * r + y) - oo(y));
				return [
					a + c * d,
					o + c * f,
					s * i / ao(t * r + y)
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
function co(e) {
	return (function t(n) {
		n = +n;
		function r(t, r) {
			var i = e((t = Ia(t)).h, (r = Ia(r)).h), a = Ua(t.s, r.s), o = Ua(t.l, r.l), s = Ua(t.opacity, r.opacity);
			return function(e) {
				return t.h = i(e), t.s = a(e), t.l = o(e ** +n), t.opacity = s(e), t + "";
			};
		}
		return r.gamma = t, r;
	})(1);
}
co(Va), co(Ua);
// node_modules/d3-scale/src/constant.js
function lo(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-scale/src/number.js
function uo(e) {
	return +e;
}
// node_modules/d3-scale/src/continuous.js
var fo = [0, 1];
function po(e) {
	return e;
}
function mo(e, t) {
	return (t -= e = +e) ? function(n) {
		return (n - e) / t;
	} : lo(isNaN(t) ? NaN : .5);
}
function ho(e, t) {
	var n;
	return e > t && (n = e, e = t, t = n), function(n) {
		return Math.max(e, Math.min(t, n));
	};
}
function go(e, t, n) {
	var r = e[0], i = e[1], a = t[0], o = t[1];
	return i < r ? (r = mo(i, r), a = n(o, a)) : (r = mo(r, i), a = n(a, o)), function(e) {
		return a(r(e));
	};
}
function _o(e, t, n) {
	var r = Math.min(e.length, t.length) - 1, i = Array(r), a = Array(r), o = -1;
	for (e[r] < e[0] && (e = e.slice().reverse(), t = t.slice().reverse()); ++o < r;) i[o] = mo(e[o], e[o + 1]), a[o] = n(t[o], t[o + 1]);
	return function(t) {
		var n = pi(e, t, 1, r) - 1;
		return a[n](i[n](t));
	};
}
function vo(e, t) {
	return t.domain(e.domain()).range(e.range()).interpolate(e.interpolate()).clamp(e.clamp()).unknown(e.unknown());
}
function yo() {
	var e = fo, t = fo, n = no, r, i, a, o = po, s, c, l;
	function u() {
		var n = Math.min(e.length, t.length);
		return o !== po && (o = ho(e[0], e[n - 1])), s = n > 2 ? _o : go, c = l = null, d;
	}
	function d(i) {
		return i == null || isNaN(i = +i) ? a : (c ||= s(e.map(r), t, n))(r(o(i)));
	}
	return d.invert = function(n) {
		return o(i((l ||= s(t, e.map(r), Ya))(n)));
	}, d.domain = function(t) {
		return arguments.length ? (e = Array.from(t, uo), u()) : e.slice();
	}, d.range = function(e) {
		return arguments.length ? (t = Array.from(e), u()) : t.slice();
	}, d.rangeRound = function(e) {
		return t = Array.from(e), n = ro, u();
	}, d.clamp = function(e) {
		return arguments.length ? (o = e ? !0 : po, u()) : o !== po;
	}, d.interpolate = function(e) {
		return arguments.length ? (n = e, u()) : n;
	}, d.unknown = function(e) {
		return arguments.length ? (a = e, d) : a;
	}, function(e, t) {
		return r = e, i = t, u();
	};
}
function bo() {
	return yo()(po, po);
}
// node_modules/d3-format/dist/d3-format.mjs
function xo(e) {
	return Math.abs(e = Math.round(e)) >= 1e21 ? e.toLocaleString("en").replace(/,/g, "") : e.toString(10);
}
function So(e, t) {
	if (!isFinite(e) || e === 0) return null;
	var n = (e = t ? e.toExponential(t - 1) : e.toExponential()).indexOf("e"), r = e.slice(0, n);
	return [r.length > 1 ? r[0] + r.slice(2) : r, +e.slice(n + 1)];
}
function Co(e) {
	return e = So(Math.abs(e)), e ? e[1] : NaN;
}
function wo(e, t) {
	return function(n, r) {
		for (var i = n.length, a = [], o = 0, s = e[0], c = 0; i > 0 && s > 0 && (c + s + 1 > r && (s = Math.max(1, r - c)), a.push(n.substring(i -= s, i + s)), !((c += s + 1) > r));) s = e[o = (o + 1) % e.length];
		return a.reverse().join(t);
	};
}
function To(e) {
	return function(t) {
		return t.replace(/[0-9]/g, function(t) {
			return e[+t];
		});
	};
}
var Eo = /^(?:(.)?([<>=^]))?([+\-( ])?([$#])?(0)?(\d+)?(,)?(\.\d+)?(~)?([a-z%])?$/i;
function Do(e) {
	if (!(t = Eo.exec(e))) throw Error("invalid format: " + e);
	var t;
	return new Oo({
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
Do.prototype = Oo.prototype;
function Oo(e) {
	this.fill = e.fill === void 0 ? " " : e.fill + "", this.align = e.align === void 0 ? ">" : e.align + "", this.sign = e.sign === void 0 ? "-" : e.sign + "", this.symbol = e.symbol === void 0 ? "" : e.symbol + "", this.zero = !!e.zero, this.width = e.width === void 0 ? void 0 : +e.width, this.comma = !!e.comma, this.precision = e.precision === void 0 ? void 0 : +e.precision, this.trim = !!e.trim, this.type = e.type === void 0 ? "" : e.type + "";
}
Oo.prototype.toString = function() {
	return this.fill + this.align + this.sign + this.symbol + (this.zero ? "0" : "") + (this.width === void 0 ? "" : Math.max(1, this.width | 0)) + (this.comma ? "," : "") + (this.precision === void 0 ? "" : "." + Math.max(0, this.precision | 0)) + (this.trim ? "~" : "") + this.type;
};
function ko(e) {
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
var Ao;
function jo(e, t) {
	var n = So(e, t);
	if (!n) return Ao = void 0, e.toPrecision(t);
	var r = n[0], i = n[1], a = i - (Ao = Math.max(-8, Math.min(8, Math.floor(i / 3))) * 3) + 1, o = r.length;
	return a === o ? r : a > o ? r + Array(a - o + 1).join("0") : a > 0 ? r.slice(0, a) + "." + r.slice(a) : "0." + Array(1 - a).join("0") + So(e, Math.max(0, t + a - 1))[0];
}
function Mo(e, t) {
	var n = So(e, t);
	if (!n) return e + "";
	var r = n[0], i = n[1];
	return i < 0 ? "0." + Array(-i).join("0") + r : r.length > i + 1 ? r.slice(0, i + 1) + "." + r.slice(i + 1) : r + Array(i - r.length + 2).join("0");
}
var No = {
	"%": (e, t) => (e * 100).toFixed(t),
	b: (e) => Math.round(e).toString(2),
	c: (e) => e + "",
	d: xo,
	e: (e, t) => e.toExponential(t),
	f: (e, t) => e.toFixed(t),
	g: (e, t) => e.toPrecision(t),
	o: (e) => Math.round(e).toString(8),
	p: (e, t) => Mo(e * 100, t),
	r: Mo,
	s: jo,
	X: (e) => Math.round(e).toString(16).toUpperCase(),
	x: (e) => Math.round(e).toString(16)
};
function Po(e) {
	return e;
}
var Fo = Array.prototype.map, Io = [
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
function Lo(e) {
	var t = e.grouping === void 0 || e.thousands === void 0 ? Po : wo(Fo.call(e.grouping, Number), e.thousands + ""), n = e.currency === void 0 ? "" : e.currency[0] + "", r = e.currency === void 0 ? "" : e.currency[1] + "", i = e.decimal === void 0 ? "." : e.decimal + "", a = e.numerals === void 0 ? Po : To(Fo.call(e.numerals, String)), o = e.percent === void 0 ? "%" : e.percent + "", s = e.minus === void 0 ? "−" : e.minus + "", c = e.nan === void 0 ? "NaN" : e.nan + "";
	function l(e, l) {
		e = Do(e);
		var u = e.fill, d = e.align, f = e.sign, p = e.symbol, m = e.zero, h = e.width, g = e.comma, _ = e.precision, v = e.trim, y = e.type;
		y === "n" ? (g = !0, y = "g") : No[y] || (_ === void 0 && (_ = 12), v = !0, y = "g"), (m || u === "0" && d === "=") && (m = !0, u = "0", d = "=");
		var b = (l && l.prefix !== void 0 ? l.prefix : "") + (p === "$" ? n : p === "#" && /[boxX]/.test(y) ? "0" + y.toLowerCase() : ""), x = (p === "$" ? r : /[%p]/.test(y) ? o : "") + (l && l.suffix !== void 0 ? l.suffix : ""), S = No[y], C = /[defgprs%]/.test(y);
		_ = _ === void 0 ? 6 : /[gprs]/.test(y) ? Math.max(1, Math.min(21, _)) : Math.max(0, Math.min(20, _));
		function w(e) {
			var n = b, r = x, o, l, p;
			if (y === "c") r = S(e) + r, e = "";
			else {
				e = +e;
				var w = e < 0 || 1 / e < 0;
				if (e = isNaN(e) ? c : S(Math.abs(e), _), v && (e = ko(e)), w && +e == 0 && f !== "+" && (w = !1), n = (w ? f === "(" ? f : s : f === "-" || f === "(" ? "" : f) + n, r = (y === "s" && !isNaN(e) && Ao !== void 0 ? Io[8 + Ao / 3] : "") + r + (w && f === "(" ? ")" : ""), C) {
					for (o = -1, l = e.length; ++o < l;) if (p = e.charCodeAt(o), 48 > p || p > 57) {
						r = (p === 46 ? i + e.slice(o + 1) : e.slice(o)) + r, e = e.slice(0, o);
						break;
					}
				}
			}
			g && !m && (e = t(e, Infinity));
			var ee = n.length + e.length + r.length, T = ee < h ? Array(h - ee + 1).join(u) : "";
			switch (g && m && (e = t(T + e, T.length ? h - r.length : Infinity), T = ""), d) {
				case "<":
					e = n + e + r + T;
					break;
				case "=":
					e = n + T + e + r;
					break;
				case "^":
					e = T.slice(0, ee = T.length >> 1) + n + e + r + T.slice(ee);
					break;
				default: e = T + n + e + r;
			}
			return a(e);
		}
		return w.toString = function() {
			return e + "";
		}, w;
	}
	function u(e, t) {
		var n = Math.max(-8, Math.min(8, Math.floor(Co(t) / 3))) * 3, r = 10 ** -n, i = l((e = Do(e), e.type = "f", e), { suffix: Io[8 + n / 3] });
		return function(e) {
			return i(r * e);
		};
	}
	return {
		format: l,
		formatPrefix: u
	};
}
var Ro, zo, Bo;
Vo({
	thousands: ",",
	grouping: [3],
	currency: ["$", ""]
});
function Vo(e) {
	return Ro = Lo(e), zo = Ro.format, Bo = Ro.formatPrefix, Ro;
}
function Ho(e) {
	return Math.max(0, -Co(Math.abs(e)));
}
function Uo(e, t) {
	return Math.max(0, Math.max(-8, Math.min(8, Math.floor(Co(t) / 3))) * 3 - Co(Math.abs(e)));
}
function Wo(e, t) {
	return e = Math.abs(e), t = Math.abs(t) - e, Math.max(0, Co(t) - Co(e)) + 1;
}
// node_modules/d3-scale/src/tickFormat.js
function Go(e, t, n, r) {
	var i = xi(e, t, n), a;
	switch (r = Do(r ?? ",f"), r.type) {
		case "s":
			var o = Math.max(Math.abs(e), Math.abs(t));
			return r.precision == null && !isNaN(a = Uo(i, o)) && (r.precision = a), Bo(r, o);
		case "":
		case "e":
		case "g":
		case "p":
		case "r":
			r.precision == null && !isNaN(a = Wo(i, Math.max(Math.abs(e), Math.abs(t)))) && (r.precision = a - (r.type === "e"));
			break;
		case "f":
		case "%": r.precision == null && !isNaN(a = Ho(i)) && (r.precision = a - (r.type === "%") * 2);
	}
	return zo(r);
}
// node_modules/d3-scale/src/linear.js
function Ko(e) {
	var t = e.domain;
	return e.ticks = function(e) {
		var n = t();
		return yi(n[0], n[n.length - 1], e ?? 10);
	}, e.tickFormat = function(e, n) {
		var r = t();
		return Go(r[0], r[r.length - 1], e ?? 10, n);
	}, e.nice = function(n) {
		n ??= 10;
		var r = t(), i = 0, a = r.length - 1, o = r[i], s = r[a], c, l, u = 10;
		for (s < o && (l = o, o = s, s = l, l = i, i = a, a = l); u-- > 0;) {
			if (l = bi(o, s, n), l === c) return r[i] = o, r[a] = s, t(r);
			if (l > 0) o = Math.floor(o / l) * l, s = Math.ceil(s / l) * l;
			else if (l < 0) o = Math.ceil(o * l) / l, s = Math.floor(s * l) / l;
			else break;
			c = l;
		}
		return e;
	}, e;
}
function qo() {
	var e = bo();
	return e.copy = function() {
		return vo(e, qo());
	}, Si.apply(e, arguments), Ko(e);
}
// node_modules/d3-scale/src/nice.js
function Jo(e, t) {
	e = e.slice();
	var n = 0, r = e.length - 1, i = e[n], a = e[r], o;
	return a < i && (o = n, n = r, r = o, o = i, i = a, a = o), e[n] = t.floor(i), e[r] = t.ceil(a), e;
}
// node_modules/d3-scale/src/log.js
function Yo(e) {
	return Math.log(e);
}
function Xo(e) {
	return Math.exp(e);
}
function Zo(e) {
	return -Math.log(-e);
}
function Qo(e) {
	return -Math.exp(-e);
}
function $o(e) {
	return isFinite(e) ? +("1e" + e) : e < 0 ? 0 : e;
}
function es(e) {
	return e === 10 ? $o : e === Math.E ? Math.exp : (t) => e ** +t;
}
function ts(e) {
	return e === Math.E ? Math.log : e === 10 && Math.log10 || e === 2 && Math.log2 || (e = Math.log(e), (t) => Math.log(t) / e);
}
function ns(e) {
	return (t, n) => -e(-t, n);
}
function rs(e) {
	let t = e(Yo, Xo), n = t.domain, r = 10, i, a;
	function o() {
		return i = ts(r), a = es(r), n()[0] < 0 ? (i = ns(i), a = ns(a), e(Zo, Qo)) : e(Yo, Xo), t;
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
			m.length * 2 < p && (m = yi(o, s, p));
		} else m = yi(l, u, Math.min(u - l, p)).map(a);
		return c ? m.reverse() : m;
	}, t.tickFormat = (e, n) => {
		if (e ??= 10, n ??= r === 10 ? "s" : ",", typeof n != "function" && (!(r % 1) && (n = Do(n)).precision == null && (n.trim = !0), n = zo(n)), e === Infinity) return n;
		let o = Math.max(1, r * e / t.ticks().length);
		return (e) => {
			let t = e / a(Math.round(i(e)));
			return t * r < r - .5 && (t *= r), t <= o ? n(e) : "";
		};
	}, t.nice = () => n(Jo(n(), {
		floor: (e) => a(Math.floor(i(e))),
		ceil: (e) => a(Math.ceil(i(e)))
	})), t;
}
function is() {
	let e = rs(yo()).domain([1, 10]);
	return e.copy = () => vo(e, is()).base(e.base()), Si.apply(e, arguments), e;
}
// node_modules/d3-shape/src/constant.js
function X(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-path/dist/d3-path.mjs
var as = Math.PI, os = 2 * as, ss = 1e-6, cs = os - ss;
function ls(e) {
	this._ += e[0];
	for (let t = 1, n = e.length; t < n; ++t) this._ += arguments[t] + e[t];
}
function us(e) {
	let t = Math.floor(e);
	if (!(t >= 0)) throw Error(`invalid digits: ${e}`);
	if (t > 15) return ls;
	let n = 10 ** t;
	return function(e) {
		this._ += e[0];
		for (let t = 1, r = e.length; t < r; ++t) this._ += Math.round(arguments[t] * n) / n + e[t];
	};
}
function ds(e, t, n, r) {
	return e === n && t === r;
}
function fs(e) {
	let t = Math.floor(e);
	if (!(t <= 15)) return ds;
	let n = 10 ** t, r = function(e) {
		return Math.round(e * n);
	};
	return function(e, t, n, i) {
		return r(e) === r(n) && r(t) === r(i);
	};
}
var ps = class {
	constructor(e) {
		this._x0 = this._y0 = this._x1 = this._y1 = null, this._ = "", this._append = e == null ? ls : us(e), this._equal = e == null ? ds : fs(e);
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
		else if (d > ss) {
			if (!(Math.abs(u * s - c * l) > ss) || !i) this._append`L${this._x1 = e},${this._y1 = t}`;
			else {
				let f = n - a, p = r - o, m = s * s + c * c, h = f * f + p * p, g = Math.sqrt(m), _ = Math.sqrt(d), v = i * Math.tan((as - Math.acos((m + d - h) / (2 * g * _))) / 2), y = v / _, b = v / g;
				Math.abs(y - 1) > ss && this._append`L${e + y * l},${t + y * u}`, this._append`A${i},${i},0,0,${+(u * f > l * p)},${this._x1 = e + b * s},${this._y1 = t + b * c}`;
			}
		}
	}
	arc(e, t, n, r, i, a) {
		if (e = +e, t = +t, n = +n, a = !!a, n < 0) throw Error(`negative radius: ${n}`);
		let o = n * Math.cos(r), s = n * Math.sin(r), c = e + o, l = t + s, u = 1 ^ a, d = a ? r - i : i - r;
		if (this._x1 === null ? this._append`M${c},${l}` : (Math.abs(this._x1 - c) > ss || Math.abs(this._y1 - l) > ss) && this._append`L${c},${l}`, n) {
			if (d < 0 && (d = d % os + os), d > cs) this._append`A${n},${n},0,1,${u},${e - o},${t - s}A${n},${n},0,1,${u},${this._x1 = c},${this._y1 = l}`;
			else if (d > ss) {
				let a = e + n * Math.cos(i), o = t + n * Math.sin(i);
				if (d >= as && this._equal(c, l, a, o)) {
					d /= 2;
					let i = r + d;
					this._append`A${n},${n},0,${+(d >= as)},${u},${e + n * Math.cos(i)},${t + n * Math.sin(i)}`;
				}
				this._append`A${n},${n},0,${+(d >= as)},${u},${this._x1 = a},${this._y1 = o}`;
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
ps.prototype;
// node_modules/d3-shape/src/path.js
function ms(e) {
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
	}, () => new ps(t);
}
Array.prototype.slice;
function hs(e) {
	return typeof e == "object" && "length" in e ? e : Array.from(e);
}
// node_modules/d3-shape/src/curve/linear.js
function gs(e) {
	this._context = e;
}
gs.prototype = {
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
function _s(e) {
	return new gs(e);
}
// node_modules/d3-shape/src/point.js
function vs(e) {
	return e[0];
}
function ys(e) {
	return e[1];
}
// node_modules/d3-shape/src/line.js
function bs(e, t) {
	var n = X(!0), r = null, i = _s, a = null, o = ms(s);
	e = typeof e == "function" ? e : e === void 0 ? vs : X(e), t = typeof t == "function" ? t : t === void 0 ? ys : X(t);
	function s(s) {
		var c, l = (s = hs(s)).length, u, d = !1, f;
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
function xs(e, t, n) {
	var r = null, i = X(!0), a = null, o = _s, s = null, c = ms(l);
	e = typeof e == "function" ? e : e === void 0 ? vs : X(+e), t = typeof t == "function" ? t : X(t === void 0 ? 0 : +t), n = typeof n == "function" ? n : n === void 0 ? ys : X(+n);
	function l(l) {
		var u, d, f, p = (l = hs(l)).length, m, h = !1, g, _ = Array(p), v = Array(p);
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
		return bs().defined(i).curve(o).context(a);
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
function Ss(e = 240) {
	let t = v("title"), n = v("g"), r = v("svg", {
		viewBox: `0 0 640 ${e}`,
		class: "chart line-chart",
		role: "img"
	}, t, n), i = 640, a = null, o = fr(r, e, (e) => {
		i = e, a && s(a);
	});
	function s(r) {
		a = r;
		let o = r.series.flatMap((e) => e.points);
		if (o.length === 0) {
			x(n);
			return;
		}
		let [s, c] = Es(mi(o, (e) => e.x), 0), [l, u] = Es(mi(o.flatMap((e) => [
			e.y,
			e.low ?? e.y,
			e.high ?? e.y
		])), .06), d = qo([s, c], [Z.left, i - Z.right]), f = qo([r.yFrom ?? l, r.yTo ?? u], [e - Z.bottom, Z.top]), p = r.ticks ?? d.ticks(Math.max(3, Math.round(i / 90))).filter((e) => !r.whole || Number.isInteger(e)).map((e) => [e, L(e)]);
		S(t, `${r.title}. ${r.series.filter((e) => !e.thin).map(Ts).join(". ")}`), x(n, r.region ? v("rect", {
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
		}, L(e))]), ...p.map(([t, n]) => v("text", {
			x: d(t),
			y: e - Z.bottom + 16,
			"text-anchor": "middle"
		}, n)), r.mark === void 0 ? null : v("line", {
			class: "cut",
			x1: d(r.mark),
			x2: d(r.mark),
			y1: Z.top,
			y2: e - Z.bottom
		}), ...r.series.map((e) => Cs(e, d, f)), v("text", {
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
function Cs(e, t, n) {
	let r = e.points.filter((e) => e.low !== void 0), i = bs().x((e) => t(e.x)).y((e) => n(e.y)), a = xs().x((e) => t(e.x)).y0((e) => n(e.low)).y1((e) => n(e.high));
	return v("g", { class: `ink-${e.ink}${e.thin ? " thin" : ""}` }, r.length > 1 ? v("path", {
		class: "series-band",
		d: a(r)
	}) : null, v("path", {
		class: "series-line",
		d: i([...e.points]),
		"stroke-dasharray": e.dashed ? "5 4" : null
	}), ...e.thin || e.bare ? [] : e.points.map((r) => v("circle", {
		class: "series-dot",
		cx: t(r.x),
		cy: n(r.y),
		r: 3.5
	}, v("title", {}, ws(e, r)))));
}
function ws(e, t) {
	let n = t.low === void 0 ? "" : ` (${L(t.low)} to ${L(t.high)})`;
	return `${e.name} at ${L(t.x)}: ${L(t.y)}${n}`;
}
function Ts(e) {
	let t = Math.ceil(e.points.length / 30);
	return `${e.name}: ${e.points.filter((e, n) => n % t === 0).map((e) => `${L(e.x)}: ${L(e.y)}`).join(", ")}`;
}
function Es([e, t], n) {
	let r = t === e ? Math.abs(e) * .1 || 1 : (t - e) * n;
	return [e - r, t + r];
}
// src/views/distil.ts
var Ds = {
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
}, Os = "hard_equal_time";
function ks(e, t) {
	let { state: n } = t, r = Ss(260), i = Is(e), a = _("span", { class: "legend" }), o = _("fieldset", { class: "choices" }, _("legend", {}, "Draw it against"), ...["steps", "seconds"].map((e) => _("label", {}, _("input", {
		type: "radio",
		name: "against",
		value: e,
		checked: (n.get("against") ?? "steps") === e,
		onchange: () => {
			n.set("against", e), s();
		}
	}), ` ${e}`)));
	function s() {
		let t = n.get("against") === "seconds", i = Object.entries(e.arms).filter(([e]) => t || e !== Os);
		x(a, ...i.map(([e]) => _("span", { class: `key key-${Ds[e]?.ink ?? "good"}` }, Ds[e]?.words ?? e)));
		let o = i.flatMap(([e, n]) => {
			let { words: r, ink: i, dashed: a } = Ds[e] ?? {
				words: e,
				ink: "good"
			}, o = n.map((e) => e.curve.map(([e, n, r]) => ({
				x: t ? n : e,
				y: r
			}))), s = {
				ink: i,
				...a && { dashed: a }
			}, c = t || e === Os ? null : As(o);
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
			whole: !t,
			y: "loss on held-out text, nats per token (lower is better)",
			series: o
		});
	}
	return s(), {
		element: _("div", {}, _("section", {
			class: "card",
			"aria-label": "Verdict"
		}, _("h2", { class: "verdict" }, e.verdict ? Ms[e.verdict] : e.stopped ? "Stopped before a verdict" : "Training …"), e.verdict_reason ? _("p", {}, e.verdict_reason) : _("p", { class: "meta" }, js(e)), e.verdict_equal_time_reason && e.arms[Os] ? _("p", { class: "meta equal-time" }, `At the same wall-clock time: ${e.verdict_equal_time}. ${e.verdict_equal_time_reason}`) : null, e.difference_test ? W([
			{
				name: "test loss, hard minus soft",
				unit: "nats per token, same steps",
				term: "paired-difference",
				value: _("b", {}, Ns(e.difference_test))
			},
			...e.difference_equal_time_test ? [{
				name: "the same, in equal time",
				unit: "nats per token",
				term: "equal-time",
				value: _("b", {}, Ns(e.difference_equal_time_test))
			}] : [],
			{
				name: "seeds",
				unit: "pairs of students",
				term: "seed",
				value: _("b", {}, B(e.difference_test.seeds.length))
			}
		]) : null), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Loss while training "), U("held-out-loss"), " ", a, o), r.element), i ? _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Loss of the control minus loss of the distilled student "), U("paired-difference"), " ", _("small", {}, "Nats per token on held-out text. Right of 0 distilling gave the better student. Small dots are seeds, the large one is their mean, the bar its 95% interval.")), i.element) : null, Object.keys(e.arms).length > 0 ? _("section", {
			class: "card scroll",
			tabindex: 0,
			"aria-label": "Students"
		}, Ls(e)) : null),
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
function As(e) {
	return e.length === 0 ? null : e[0].flatMap(({ x: t }) => {
		let n = e.map((e) => e.find((e) => e.x === t));
		return n.some((e) => e === void 0) ? [] : [{
			x: t,
			y: n.reduce((e, t) => e + t.y, 0) / e.length
		}];
	});
}
function js({ arms: e, stopped: t }) {
	let n = Object.values(e).flat().sort((e, t) => e.seed - t.seed).at(-1);
	return t ? n ? `The last measurement: ${Ds[n.arm]?.words ?? n.arm}, seed ${n.seed}, step ${n.steps}.` : "Nothing was measured yet." : n ? "The verdict comes with the last seed." : "The teacher and the text are being prepared; the first points of the curves come after that.";
}
var Ms = {
	helps: "Distilling helps",
	"does not help": "Distilling does not help",
	"cannot tell": "Cannot tell yet whether distilling helps",
	"no control": "No control, so no verdict"
};
function Ns(e, t = 4) {
	return `${En(e.mean, t)}${e.ci ? ` (${Mn(e.ci, t)})` : ""}`;
}
var Ps = 44, Fs = 46;
function Is(e) {
	let t = [
		["same steps, validation", e.difference],
		["same steps, test", e.difference_test],
		["same time, validation", e.difference_equal_time],
		["same time, test", e.difference_equal_time_test]
	].filter((e) => !!e[1]);
	if (t.length === 0) return null;
	let n = t.length * Ps + Fs, r = t.flatMap(([, e]) => [
		...e.per_seed,
		e.mean,
		...e.ci ?? [],
		0
	]), [i, a] = [Math.min(...r), Math.max(...r)], o = (a - i || .01) * .08, s = v("title"), c = v("g"), l = v("svg", {
		viewBox: `0 0 640 ${n}`,
		class: "chart difference-chart",
		role: "img"
	}, s, c);
	return S(s, t.map(([e, t]) => `${e}: ${Ns(t)} nats per token`).join("; ")), {
		element: l,
		close: fr(l, n, (e) => {
			let r = e < 420 ? 2 : 4, s = qo([i - o, a + o], [12, e - 24]);
			x(c, ...s.ticks(Math.max(3, Math.round(e / 120))).flatMap((e) => [v("line", {
				class: "grid",
				x1: s(e),
				x2: s(e),
				y1: 4,
				y2: n - Fs + 6
			}), v("text", {
				x: s(e),
				y: n - Fs + 20,
				"text-anchor": "middle"
			}, En(e, 2))]), v("line", {
				class: "cut",
				x1: s(0),
				x2: s(0),
				y1: 4,
				y2: n - Fs + 6
			}), v("text", {
				x: 2,
				y: n - 6
			}, "← hard labels better"), v("text", {
				x: e - 4,
				y: n - 6,
				"text-anchor": "end"
			}, "distilled better →"), ...t.map(([e, t], n) => {
				let i = n * Ps + 30;
				return v("g", { class: "ink-accent" }, v("text", {
					class: "row-label",
					x: 12,
					y: i - 14
				}, `${e}: ${Ns(t, r)}`), t.ci ? v("line", {
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
function Ls(e) {
	return _("table", { class: "plain-table numeric" }, _("caption", {}, "Every student: its loss on held-out text in nats per token, and what its training cost"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "trained on ", U("control")), ...[
		["seed", "seed"],
		["validation", "held-out-loss"],
		["test", "held-out-loss"],
		["seconds", "equal-time"],
		["tokens", "token"],
		["steps", "step"]
	].map(([e, t]) => _("th", {
		scope: "col",
		class: e === "tokens" ? "wide-only" : ""
	}, `${e} `, U(t))))), _("tbody", {}, ...Object.entries(e.arms).flatMap(([e, t]) => t.map((t) => _("tr", {}, _("th", { scope: "row" }, Ds[e]?.words ?? e), _("td", { class: "figure" }, String(t.seed)), _("td", { class: "figure" }, R(t.val_nll, 4)), _("td", { class: "figure" }, R(t.test_nll, 4)), _("td", { class: "figure" }, R(t.seconds, 1)), _("td", { class: "figure wide-only" }, Number.isNaN(t.tokens) ? "–" : B(t.tokens)), _("td", { class: "figure" }, B(t.steps)))))));
}
function Rs(e, t) {
	let n = { ...e?.arms ?? {} }, r = [...n[t.arm] ?? []], i = r.findIndex((e) => e.seed === t.seed), a = [...r[i]?.curve ?? [], [
		t.step,
		t.seconds,
		t.val_nll
	]], o = {
		arm: t.arm,
		seed: t.seed,
		curve: a,
		val_nll: t.val_nll,
		test_nll: null,
		seconds: t.seconds,
		steps: t.step,
		tokens: NaN,
		seconds_per_step: NaN,
		kd_weight: NaN,
		ce_weight: NaN,
		saved: null,
		targets: null,
		learning_rate: null,
		kept_step: null
	};
	return n[t.arm] = i < 0 ? [...r, o] : r.with(i, o), { arms: n };
}
// src/parts/slider.ts
var zs = 3;
function Bs(e, t) {
	let n = w("tau"), r = (t) => e.meaning?.(t) ?? "", i = _("input", {
		id: n,
		type: "range",
		min: e.min,
		max: e.max,
		step: e.step,
		class: "tau",
		oninput: () => t(Number(i.value)),
		...e.onKey && { onkeydown: e.onKey }
	}), a = _("output", {
		for: n,
		class: "tau-value"
	}), o = _("span", { class: "meta tau-meaning" }), s = e.marks.map(([t, n]) => {
		let r = _("span", {}, n);
		return r.style.left = `${100 * (t - e.min) / (e.max - e.min)}%`, r;
	}), { nudge: c } = e, l = (n) => {
		if (c === void 0) return null;
		let r = () => {
			let t = Number(i.value) / c, r = n > 0 ? Math.floor(t + 1e-6) + 1 : Math.ceil(t - 1e-6) - 1;
			return Math.min(e.max, Math.max(e.min, r * c));
		};
		return _("button", {
			type: "button",
			class: "quiet nudge",
			"aria-label": `${e.label}: ${n < 0 ? "less" : "more"} by ${c}`,
			onclick: () => t(Number(r().toPrecision(9)))
		}, n < 0 ? "−" : "+");
	};
	return {
		element: _("div", { class: "tau-box" }, _("div", { class: "tau-head" }, _("span", { class: "tau-name" }, _("label", { for: n }, e.label), " ", U(e.term)), _("span", {}, o, " ", a)), _("div", { class: "tau-row" }, l(-1), _("div", { class: "tau-scale" }, i, _("div", {
			class: "tau-ends",
			"aria-hidden": "true"
		}, ...s)), l(1))),
		show(t, n = r(t)) {
			i.value = String(t), i.setAttribute("aria-valuetext", [`${e.label} ${e.write(t)}`, n].filter((e) => e !== "").join(", ")), S(a, e.write(t)), S(o, r(t));
		}
	};
}
function Vs(e) {
	return Bs({
		label: "temperature τ",
		term: "temperature",
		min: 0,
		max: zs,
		step: .01,
		nudge: .1,
		write: V,
		meaning: (e) => e === 0 ? "greedy" : e === 1 ? "the model’s own" : "",
		marks: [
			[0, "0"],
			[1, "1"],
			[2, "2"],
			[3, "3"]
		]
	}, e);
}
// src/views/path.ts
var Hs = 22, Us = 40, Q = {
	left: 30,
	right: 8,
	top: 22,
	bottom: 34
}, Ws = 7.4;
function Gs(e, t) {
	let { leaves: n } = e, r = n[0].temperature_low, i = n.at(-1).temperature_high, { state: a } = t, o = -1, s = Bs({
		label: "temperature τ",
		term: "temperature",
		min: r,
		max: i,
		step: "any",
		write: V,
		onKey: h,
		marks: [[r, V(r)], [i, V(i)]]
	}, g), c = _("p", {
		class: "tokens path-text",
		dir: "auto"
	}), [l, u, d, f] = [
		_("b"),
		_("b"),
		_("b"),
		_("b")
	], p = Qs(e, r, i, (e) => g(e)), m = (e) => {
		let t = n[Math.min(n.length - 1, Math.max(0, o + e))];
		g(qs(t));
	};
	function h(e) {
		let t = {
			PageUp: 1,
			PageDown: -1
		}[e.key];
		t !== void 0 && (e.preventDefault(), m(t));
	}
	function g(e) {
		a.set("tau", V(e)), v(e);
	}
	function v(t) {
		let r = Js(n, t), i = n[r];
		s.show(t, i.text), p.show(t, r);
		let a = t < i.temperature_low || t > i.temperature_high;
		if (S(l, `${Xs(i)}${a ? " (the nearest listed temperature)" : ""}`), S(u, `${B(r + 1)} of ${B(n.length)}`), S(d, Ys[i.finish_reason] ?? i.finish_reason), S(f, An(i.logprob_raw)), r === o) return;
		let m = n[o]?.ids;
		o = r, x(c, ...e.tokens[r].map((e, t) => {
			let n = G(e);
			return m && m[t] !== i.ids[t] && n.classList.add("changed"), n;
		}));
	}
	let y = a.listen((e) => e === "tau" && a.get("tau") !== void 0 && v(Number(a.get("tau"))));
	v(Math.min(i, Math.max(r, Number(a.get("tau") ?? Math.min(i, Math.max(r, .7))) || 0)));
	let b = n.reduce((e, t) => e + t.temperatures.length, 0);
	return {
		element: _("div", { class: "path" }, _("div", { class: "prompt" }, _("p", { class: "meta" }, `${e.model}, seed ${e.seed}, after “${e.prompt}”`), e.note ? _("p", { class: "note" }, e.note) : null, Ks(e)), _("div", { class: "card path-slider" }, s.element, _("div", { class: "steps" }, _("button", {
			type: "button",
			class: "quiet",
			onclick: () => m(-1)
		}, "← cooler text"), _("button", {
			type: "button",
			class: "quiet",
			onclick: () => m(1)
		}, "hotter text →"))), _("section", {
			class: "card",
			"aria-label": "Text at the chosen temperature"
		}, c, W([
			{
				name: "this text comes at",
				unit: e.exact ? "exact ends" : "ends as far as asked for",
				term: "path",
				value: l
			},
			{
				name: "text",
				unit: "counted from the coldest",
				term: "path",
				value: u
			},
			{
				name: "logprob",
				unit: "raw, summed",
				term: "logprob",
				value: f
			},
			{
				name: "ended by",
				term: "token",
				value: d
			}
		], "measures path-facts")), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, `${n.length} different texts at ${b} temperatures `), U("path"), " ", _("small", {}, `Each column is a text, each row one token of it; a click goes there. It took ${B(e.forward_passes)} forward passes instead of ${B(e.independent_passes)}. `), U("forward-pass")), p.element), _("details", { class: "card" }, _("summary", {}, "All texts as a table"), ec(e))),
		close: () => {
			y(), p.close();
		},
		download: {
			name: "retort-path",
			json: () => e,
			csv: () => tc(e),
			svg: () => p.element
		}
	};
}
function Ks(e) {
	return e.stages?.length ? _("ol", {
		class: "path-stages",
		"aria-label": "Stages of the chain along the path"
	}, ...e.stages.map(({ stage: e, applies: t, why: n }) => _("li", { class: t ? "" : "set-aside" }, _("code", {}, e), " ", _("small", {}, `${t ? "applies" : "does not apply:"} ${n}`)))) : null;
}
function qs(e) {
	return (e.temperature_low + e.temperature_high) / 2;
}
function Js(e, t) {
	let n = 0, r = Infinity;
	return e.forEach((e, i) => {
		let a = Math.max(e.temperature_low - t, t - e.temperature_high, 0);
		a < r && ([n, r] = [i, a]);
	}), n;
}
var Ys = {
	end: "the model’s end token",
	length: "the longest text asked for",
	stop: "a stop text"
};
function Xs(e) {
	return e.temperature_low === e.temperature_high ? `τ = ${V(e.temperature_low)}` : `τ = ${V(e.temperature_low)} to ${V(e.temperature_high)}`;
}
function Zs(e) {
	let { leaves: t } = e, n = [], r = Math.min(Us, Math.max(...t.map((e) => e.ids.length)));
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
function Qs(e, t, n, r) {
	let i = Zs(e), a = 1 + Math.max(...i.map((e) => e.row)), o = Q.top + a * Hs + Q.bottom, s = qo([t, n === t ? t + 1 : n], [Q.left, 640 - Q.right]), c = v("g"), l = v("g", {
		class: "axes",
		"aria-hidden": "true"
	}), u = v("line", {
		class: "now",
		y1: Q.top,
		y2: o - Q.bottom
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
	let m = fr(f, o, (e) => {
		s.range([Q.left, e - Q.right]), x(c, ...i.map((e) => $s(e, s))), x(l, ...s.ticks(Math.max(3, Math.round(e / 90))).flatMap((e) => [v("line", {
			class: "grid",
			x1: s(e),
			x2: s(e),
			y1: o - Q.bottom,
			y2: o - Q.bottom + 5
		}), v("text", {
			x: s(e),
			y: o - Q.bottom + 18,
			"text-anchor": e === t ? "start" : e === n ? "end" : "middle"
		}, V(e))]), v("text", {
			x: e - Q.right,
			y: o - 2,
			"text-anchor": "end"
		}, "temperature τ →"), v("text", {
			x: 2,
			y: 12
		}, "place of the token in the text ↓"), ...Array.from({ length: a }, (e, t) => t).filter((e) => e === 0 || e % 5 == 4).map((e) => v("text", {
			x: Q.left - 6,
			y: Q.top + e * Hs + 15,
			"text-anchor": "end"
		}, String(e + 1)))), h(...p);
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
function $s(e, t) {
	let n = t(e.from), r = Math.max(1.5, t(e.to) - n), i = Xn(e.token), a = Math.floor((r - 6) / Ws);
	return v("g", { class: "band" }, v("rect", {
		x: n,
		y: Q.top + e.row * Hs + 1,
		width: r,
		height: 20,
		rx: Math.min(3, r / 3)
	}), a >= Math.min(i.length, 2) ? v("text", {
		x: n + 4,
		y: Q.top + e.row * Hs + 15
	}, i.length > a ? `${i.slice(0, a - 1)}…` : i) : null);
}
function ec(e) {
	return _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "All texts"
	}, _("table", { class: "plain-table" }, _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "τ from ", U("path")), _("th", { scope: "col" }, "to ", U("path")), _("th", { scope: "col" }, "text"), _("th", { scope: "col" }, "ended by"), _("th", { scope: "col" }, "logprob, raw (nats) ", U("logprob")))), _("tbody", {}, ...e.leaves.map((t, n) => _("tr", {}, _("td", { class: "figure" }, V(t.temperature_low)), _("td", { class: "figure" }, V(t.temperature_high)), _("td", { dir: "auto" }, ...e.tokens[n].map(G)), _("td", {}, Ys[t.finish_reason] ?? t.finish_reason), _("td", { class: "figure" }, R(t.logprob_raw)))))));
}
function tc(e) {
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
// src/parts/rankChart.ts
var nc = 260, $ = {
	left: 52,
	right: 14,
	top: 26,
	bottom: 34
}, rc = 1e-10, ic = 240;
function ac({ tokens: e, seen: t, raw: n }) {
	let r = is([1, Math.max(e, 2)], [$.left, 640]), i = is([rc, 1], [nc - $.bottom, $.top]).clamp(!0), a = v("title", {}), o = v("g", {
		class: "axes",
		"aria-hidden": "true"
	}), s = v("g"), c = null, l = null, u = lc(e), d = v("svg", {
		viewBox: `0 0 640 ${nc}`,
		class: `chart rank-chart${F(n) ? "" : " range-chart"}`,
		role: "img"
	}, a, o, s), f = fr(d, nc, (t) => {
		r.range([$.left, t - $.right]), x(o, ...sc(e, r, i, t)), l = null, p(c);
	});
	function p(e) {
		c = e, l ??= F(n) ? m(n.raw, "raw") : h(n, "raw", -2);
		let t = e === null ? null : F(e) ? m(e.processed, "processed") : h(e, "processed", 2);
		x(s, ...l.marks, ...t?.marks ?? [], ...e === null ? [] : oc(e, r)), S(a, `Probability against rank. Raw: ${l.said}. Processed: ${t?.said ?? "not decided by the known tokens"}.`);
	}
	function m(e, t) {
		let n = (t) => [r(t + 1), i(Math.exp(Re(e, t)))], a = (t) => Le(e, t) && Re(e, t) >= Math.log(rc), o = u.filter(a).map(n), s = k(e, e.to - 1);
		I(e) > 1 && a(s) && o.push(n(s)), o.sort((e, t) => e[0] - t[0]);
		let c = xs().x((e) => e[0]).y1((e) => e[1]).y0(i(rc))(o) ?? "";
		return {
			marks: [...t === "raw" ? [] : [v("path", {
				class: "area-kept",
				d: c
			})], v("path", {
				class: `line-${t}`,
				d: bs()(o) ?? ""
			})],
			said: `${B(I(e))} tokens, from ${L(Math.exp(Re(e, k(e, e.from))))} down to ${L(Math.exp(Re(e, s)))}`
		};
	}
	function h(n, a, o) {
		let s = Array.from({ length: t }, (e, t) => n.prob(t)), c = s.flatMap(({ low: e, high: t }, n) => {
			if (t <= rc) return [];
			let s = r(n + 1) + o;
			return [v("line", {
				class: `whisker whisker-${a}`,
				x1: s,
				x2: s,
				y1: i(t),
				y2: Math.max(i(e), i(t) + 3)
			})];
		});
		return {
			marks: [v("path", {
				class: `bound-${a}`,
				d: g(n)
			}), ...c],
			said: `the first ${H(s[0], z)}, all ${B(e - t)} unknown ones ${H(n.unseen, z)}`
		};
	}
	function g({ unseen: n, largestUnseen: a }) {
		if (n.high <= 0 || e <= t) return "";
		let o = Array.from({ length: ic / 4 }, (n, r) => t + (e - t) ** (r / (ic / 4 - 1))).map((e) => [r(e), i(Math.max(Math.min(a, n.high / Math.max(e - t, 1)), rc))]);
		return xs().x((e) => e[0]).y1((e) => e[1]).y0(i(rc))(o) ?? "";
	}
	return {
		element: d,
		draw: p,
		close: f
	};
}
function oc(e, t) {
	return e.stages.filter(({ removed: e, before: t, after: n }) => e > 0 && t && n && n.order === void 0 && n.to < t.to).map((e, n) => {
		let r = t(e.after.to + .5), i = r > t.range()[1] * .75;
		return v("g", {}, v("line", {
			class: "cut",
			x1: r,
			x2: r,
			y1: $.top,
			y2: nc - $.bottom
		}), v("text", {
			class: "cut-label",
			x: r + (i ? -4 : 4),
			y: $.top + 10 + 13 * n,
			"text-anchor": i ? "end" : "start"
		}, M(e.stage)));
	});
}
function sc(e, t, n, r) {
	let i = [
		1,
		10,
		100,
		1e3,
		1e4,
		1e5,
		1e6
	].filter((t) => t <= e), a = [
		1,
		.01,
		1e-4,
		1e-6,
		1e-8,
		1e-10
	];
	return [
		...i.map((e) => v("text", {
			x: t(e),
			y: nc - $.bottom + 15,
			"text-anchor": e === 1 ? "start" : t(e) > r - $.right - 24 ? "end" : "middle"
		}, B(e))),
		...a.flatMap((e) => [v("line", {
			class: "grid",
			x1: $.left,
			x2: r - $.right,
			y1: n(e),
			y2: n(e)
		}), v("text", {
			x: $.left - 6,
			y: n(e) + 4,
			"text-anchor": "end"
		}, e === 1 ? "1" : `10${cc(Math.log10(e))}`)]),
		v("text", {
			x: r - $.right,
			y: 256,
			"text-anchor": "end"
		}, "rank of the token →"),
		v("text", {
			x: 2,
			y: 12
		}, "probability")
	];
}
function cc(e) {
	return String(Math.round(e)).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
function lc(e) {
	let t = Array.from({ length: ic }, (t, n) => Math.round(e ** (n / 239)) - 1);
	return [...new Set(t)].sort((e, t) => e - t);
}
// src/views/tree.ts
var uc = 5;
function dc(e, t) {
	let n = [], r = i(e, []);
	function i(e, t) {
		let r = Math.min(uc, e.record.tokens.length), i = Array.from({ length: r }, (n, r) => a(e, r, t));
		return {
			element: _("ul", {}, ...i.map(({ element: e }) => e)),
			draw(t) {
				let r = null;
				try {
					r = e.explain(n);
				} catch (e) {
					if (!(e instanceof j)) throw e;
				}
				for (let e of i) e.draw(r, t);
			}
		};
	}
	function a(e, n, r) {
		let a = e.record.tokens[n], o = [...r, {
			id: e.record.ids[n] ?? null,
			text: a
		}], s = _("b", { class: "figure processed-ink" }), c = _("small", { class: "figure joint" }), l = _("span", { class: "bar bar-processed" }), u = [
			_("span", { class: "tree-token" }, G(a)),
			s,
			c,
			_("span", {
				class: "bar-box one",
				"aria-hidden": "true"
			}, l)
		], d = _("div", { class: "tree-below" }), f = null, p = !1, m = {
			low: 1,
			high: 1
		};
		async function h() {
			if (!p) {
				p = !0, x(d, _("p", {
					class: "meta",
					role: "status"
				}, "Reading …"));
				try {
					f = i(Ir(await t(o)), o), x(d, f.element), f.draw(m);
				} catch (e) {
					p = !1, x(d, _("p", {
						class: "error",
						role: "alert"
					}, e.message));
				}
			}
		}
		let g = F(e.raw) || tr(a) ? _("li", {}, _("details", { ontoggle: (e) => e.target.open && void h() }, _("summary", { title: `What follows ${Zn(a)}` }, ...u), d)) : _("li", { class: "tree-end" }, ...u);
		return {
			element: g,
			draw(e, t) {
				let i = e?.prob(n) ?? null;
				S(s, i === null ? "?" : i.high === 0 ? "removed" : H(i, z)), m = i === null ? {
					low: 0,
					high: t.high
				} : {
					low: i.low * t.low,
					high: i.high * t.high
				}, S(c, r.length === 0 ? "" : H(m, z)), l.style.transform = `scaleX(${i?.high ?? 0})`, g.classList.toggle("removed", i?.high === 0), f?.draw(m);
			}
		};
	}
	return {
		element: _("section", {
			class: "card tree",
			"aria-label": "Continuations"
		}, _("p", {}, _("b", {}, "Continuations "), U("processed"), " ", _("small", {}, `The ${uc} most likely tokens. Open one to see what would follow it. Blue: the share of a token after those above it. Grey: the share of the whole text.`)), r.element),
		draw(e) {
			n = e, r.draw({
				low: 1,
				high: 1
			});
		}
	};
}
// src/views/position.ts
var fc = 20;
function pc(e, t, n, r) {
	let i = Ir(e), { state: a, announce: o } = t, s = null, c = fc, l = sr((e) => ee(e), o, { heat: !1 }), u = Vs((e) => ee($t(w(), e))), d = _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "Tokens"
	}), f = Qn(i, fc, n), p = ac(i), m = _c(i), h = r ? dc(i, r) : null, g = _("p", {
		class: "note undecided",
		"aria-live": "polite"
	}), v = _("ul", {
		class: "warnings",
		"aria-label": "Where the settings conflict"
	}), y = dr(T), b = _("button", {
		type: "button",
		class: "quiet more",
		onclick: () => C(c * 3)
	}, "Show more tokens");
	function C(t) {
		c = Math.min(t, e.tokens.length), f = Qn(i, c, n), x(d, f.element), b.hidden = c >= e.tokens.length, f.draw(s);
	}
	function w() {
		try {
			return Jt(a.get("chain") ?? i.chain);
		} catch {
			return Xt(i.chain).chain;
		}
	}
	function ee(e) {
		a.set("chain", Qt(e.filter(Et)) || " ");
	}
	function T() {
		let e = w(), t = "";
		try {
			s = i.explain(e);
		} catch (e) {
			if (!(e instanceof j)) throw e;
			s = null, t = e.message;
		}
		S(g, t), g.hidden = t === "", l.show(e), l.report(s?.stages ?? [], s === null ? "not decided here" : "off"), u.show(Tt(e)), f.draw(s), p.draw(s), h?.draw(e), m.draw(s), x(v, ...(s?.warnings ?? []).map((e) => _("li", {}, e))), v.hidden = v.children.length === 0;
	}
	let te = a.listen((e) => e === "chain" && y()), ne = _("div", { class: `position${F(i.raw) ? "" : " partial"}` }, mc(i), _("div", { class: "columns" }, _("div", { class: "side" }, _("section", {
		class: "card controls",
		"aria-label": "Settings"
	}, u.element, l.element, g, v), _("section", {
		class: "card",
		"aria-label": "Measures"
	}, m.element)), _("div", { class: "main" }, _("section", {
		class: "card",
		"aria-label": "Distribution of the next token"
	}, d, b), h?.element ?? null, _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, F(i.raw) ? `All ${B(i.tokens)} tokens, the most likely at the left ` : `${B(i.seen)} known tokens as ranges, all others below a bound `), U("rank"), " ", hc(i)), p.element))));
	return C(fc), T(), performance.mark("retort-numbers"), {
		element: ne,
		close: () => {
			te(), p.close();
		},
		download: {
			name: "retort-position",
			json: () => yc(i, s, w()),
			csv: () => bc(i, s),
			svg: () => p.element
		}
	};
}
function mc({ record: e, seen: t, raw: n }) {
	let r = Yt(Xt(e.chain).others), i = e.prompt_tokens.length > 0 ? e.prompt_tokens : [e.prompt];
	return _("div", { class: "prompt" }, _("p", { class: "meta" }, `${e.model}, after`), _("p", {
		class: "tokens",
		dir: "auto"
	}, ...i.map(G)), pr(e, t, !F(n)), r ? _("p", { class: "note" }, r) : null);
}
function hc({ raw: e }) {
	return _("span", { class: "legend" }, _("span", { class: "key key-raw" }, "raw: the model's own, τ = 1"), _("span", { class: "key key-processed" }, "processed: what sampling draws from"), F(e) ? _("span", { class: "key key-cut" }, "where a stage cuts") : _("span", { class: "key key-bound" }, "no unknown token lies above"));
}
var gc = [
	{
		key: "entropy",
		name: "entropy",
		unit: "nats",
		term: "entropy",
		write: L,
		beside: !0,
		of: (e) => e.entropy
	},
	{
		key: "support",
		name: "effective support",
		unit: "tokens",
		term: "effective-support",
		write: L,
		beside: !0,
		of: (e) => Lr(e)
	},
	{
		key: "kept",
		name: "tokens that can come",
		unit: "",
		term: "truncation",
		write: B,
		beside: !0,
		of: (e) => N(e.kept)
	},
	{
		key: "kept-mass",
		name: "kept mass",
		unit: "of what τ made",
		term: "kept-mass",
		write: z,
		of: (e) => e.keptMass
	},
	{
		key: "leakage",
		name: "leakage",
		unit: "out of the raw top 90%",
		term: "leakage",
		write: z,
		of: (e) => F(e) ? N(rn(e)) : null
	},
	{
		key: "unseen",
		name: "unknown tokens’ share",
		unit: "",
		term: "interval",
		write: z,
		beside: !0,
		of: (e) => F(e) ? null : e.unseen
	},
	{
		key: "margin",
		name: "margin",
		unit: "raw logits, 1st − 2nd",
		term: "margin",
		write: L,
		of: (e, t) => t.margin
	}
];
function _c(e) {
	let t = gc.filter((t) => t.of(e.raw, e) !== null), n = t.map(({ key: e }) => _("b", {
		class: "processed-ink",
		"data-measure": e
	}));
	return {
		element: _("dl", { class: "measures" }, ...t.map(({ key: t, name: r, unit: i, term: a, write: o, of: s, beside: c }, l) => {
			let u = _("span", {
				class: "raw-ink",
				"data-measure": `${t}-raw`
			});
			return or(u, s(e.raw, e), o), Bn({
				name: r,
				unit: i,
				term: a,
				value: _("span", {}, n[l], ...c ? [
					" ",
					_("small", {}, "raw "),
					u
				] : [])
			});
		})),
		draw(r) {
			t.forEach(({ key: t, write: i, of: a }, o) => {
				let s = r === null && t !== "margin" ? null : a(r ?? e.raw, e);
				or(n[o], s, i);
			});
		}
	};
}
function vc(e) {
	return e !== null && e.low === e.high ? e.low : e;
}
function yc(e, t, n) {
	let { record: r, raw: i, logits: a } = e, o = (e) => ({
		entropy_nats: vc(e.entropy),
		effective_support: vc(Lr(e)),
		unseen: vc(e.unseen)
	});
	return {
		known: r.known,
		model: r.model,
		prompt: r.prompt,
		vocabulary: r.vocabulary,
		chain: Qt(n),
		raw: {
			...o(i),
			margin: vc(e.margin)
		},
		processed: t === null ? null : {
			...o(t),
			kept: t.kept,
			kept_mass: vc(t.keptMass)
		},
		stages: (t?.stages ?? []).map(({ stage: e, kept: t, removed: n, keptMass: r, keptMassTotal: i }) => ({
			stage: M(e),
			kept: t,
			removed: n,
			kept_mass: vc(r),
			kept_mass_total: vc(i)
		})),
		warnings: t?.warnings ?? [],
		tokens: r.tokens.slice(0, 100).map((e, n) => ({
			token: e,
			id: r.ids[n],
			[F(i) ? "logit" : "logprob"]: a[n],
			prob_raw: vc(i.prob(n)),
			prob_processed: vc(t?.prob(n) ?? null),
			removed_by: xc(t, n)
		}))
	};
}
function bc({ record: e, raw: t, logits: n, seen: r, tokens: i }, a) {
	let o = F(t), s = (e) => o ? [e?.low ?? null] : [e?.low ?? null, e?.high ?? null], c = (e) => o ? [e] : [`${e}_low`, `${e}_high`];
	return [
		[
			"rank",
			"id",
			"token",
			o ? "logit" : "logprob",
			...c("prob_raw"),
			...c("prob_processed"),
			"removed_by"
		],
		...e.tokens.map((r, i) => [
			i + 1,
			e.ids[i] ?? null,
			r,
			n[i],
			...s(t.prob(i)),
			...s(a?.prob(i) ?? null),
			xc(a, i)
		]),
		...o || r === i ? [] : [[
			null,
			null,
			"(all others)",
			null,
			...s(t.unseen),
			...s(a?.unseen ?? null),
			null
		]]
	];
}
function xc(e, t) {
	let n = e?.removedBy(t) ?? null;
	return n === null ? null : M(n);
}
// src/views/tour.ts
var Sc = 8, Cc = 3;
function wc(e, t) {
	let n = yn(e.position.logits), r = (t) => Math.max(0, e.position.tokens.indexOf(t)), i = {
		record: e,
		logits: n,
		first: r(e.first),
		right: r(e.right)
	}, { state: a, announce: o, data: s } = t, c = _("div", { class: "tour-body" }), l, u = Tc.map((e, t) => _("li", {}, _("button", {
		type: "button",
		class: "quiet",
		onclick: () => a.set("step", String(t + 1))
	}, _("b", {}, `${t + 1}. `), _("span", { class: "step-title" }, e.title), _("span", {
		class: "step-short",
		"aria-hidden": "true"
	}, e.short)))), d = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => h(-1)
	}, "← Back"), f = _("button", {
		type: "button",
		class: "solid",
		onclick: () => h(1)
	}), p = s.studio || s.position ? "Try it yourself →" : "Start again";
	function m() {
		let e = Number(a.get("step") ?? "1");
		return Number.isInteger(e) && e >= 1 && e <= Tc.length ? e - 1 : 0;
	}
	function h(e) {
		let t = m() + e;
		t < Tc.length ? a.set("step", String(t + 1)) : s.studio || s.position ? a.set("view", "position") : a.set("step", "1"), c.querySelector("h2")?.focus();
	}
	function g() {
		let e = m(), t = Tc[e];
		l?.close?.();
		let n = `moved${e + 1}`;
		l = t.widget(i, {
			start: a.get(n),
			keep: (e) => a.set(n, e)
		}), u.forEach((t, n) => {
			n === e ? t.firstElementChild.setAttribute("aria-current", "step") : t.firstElementChild.removeAttribute("aria-current");
		}), d.disabled = e === 0, S(f, e === Tc.length - 1 ? p : "Next →"), x(c, _("h2", { tabindex: "-1" }, `${e + 1}. ${t.title}`), ...t.idea.map((e) => _("p", {}, e)), _("div", { class: "card" }, _("p", { class: "task" }, _("b", {}, "Try it. "), t.task), l.element), _("details", { class: "card question" }, _("summary", {}, _("b", {}, "Question: "), t.question), _("p", {}, _("b", {}, "Answer: "), t.answer))), o(`Step ${e + 1} of ${Tc.length}: ${t.title}`);
	}
	let v = a.listen((e) => e === "step" && g());
	return g(), {
		element: _("div", { class: "tour" }, _("p", { class: "meta" }, `A real language model (${e.position.model.replace("embedded:", "")}) has read “${e.position.prompt}” and must say what comes next. It knows ${B(n.length)} tokens: words and pieces of words, shown here with ␣ for a space. Every number below comes from that model.`), _("nav", { "aria-label": "Steps of the tour" }, _("ol", { class: "tour-steps" }, ...u)), c, _("p", { class: "tour-go" }, d, f)),
		download: null,
		close: () => {
			v(), l?.close?.();
		}
	};
}
var Tc = [
	{
		title: "Logits and softmax",
		short: "Softmax",
		idea: ["The model gives every token one number, its logit. The larger it is, the more the model expects this token, from the texts it has learned from; that need not be the truth. Logits are not probabilities: they can be negative, and they do not add up to anything.", "Softmax makes them probabilities: take e^logit (e ≈ 2.718), which is always positive, and divide by the sum over all tokens. Now they add up to 100%: if one grows, the others shrink. To write, the model draws one token, each as often as its probability says."],
		task: "Add 0.1 to the logit of Canberra. Which city is first now, and what happens to all the others?",
		widget: jc,
		question: "What changes if every logit grows by 5? Tick the box above and see.",
		answer: "No probability changes. e^(logit + 5) = e^logit · e⁵, so every e^logit becomes e⁵ ≈ 148 times as large. So does their sum, and the 148 cancels in the division. Only the differences between logits count."
	},
	{
		title: "What temperature does",
		short: "τ",
		idea: ["The temperature τ (tau) divides every logit before the softmax. Below 1 the differences grow, and the likely tokens take more. Above 1 they shrink, and the unlikely tokens gain.", "It never changes the order of the tokens: every logit is divided by the same positive number, so the larger stays larger, and so does its probability."],
		task: "Go down to 0.2, then up to 2. Who gains and who loses? Does any token overtake another?",
		widget: Mc,
		question: "What happens as τ approaches 0?",
		answer: "The largest logit gets 100%, so the most likely token is always drawn. This is called greedy decoding. The same prompt then gives the same text, unless two tokens are so close that rounding decides. At the other end, τ → ∞, every token becomes equally likely."
	},
	{
		title: "Entropy and the runners-up",
		short: "Entropy",
		idea: ["Entropy says how uncertain the model is: 0 if one token has everything, and larger the more evenly the probability is spread. The effective support makes it a count: as uncertain as that many equally likely tokens.", "The runners-up hold knowledge too, called dark knowledge. Here the famous city is first and the right answer is a close second. At τ = 0 the right answer never appears."],
		task: "Move τ from 0 to 2. Where is Canberra’s best chance? What happens to both cities when it gets hot?",
		widget: Nc,
		question: "Why can τ = 0.7 give another answer than τ = 0, and is it then more correct?",
		answer: "Because a draw may take a runner-up; the order has not changed. It is right more often only where the right answer is not first, as here. Where the first token is right, a draw can only replace it with a wrong one."
	},
	{
		title: "Truncation and its order",
		short: "Truncation",
		idea: ["Truncation removes unlikely tokens before the draw. Top-k keeps the k most likely. Top-p keeps the most likely ones that together hold a share p. What is left is scaled up to 100%.", "The order counts: temperature 2 spreads the probability, so a top-p after it keeps far more tokens than one before it. The programs that run language models use different orders: vLLM sets the temperature first, llama.cpp last."],
		task: "Choose the second setting, then the third: the same numbers in another order. Count the tokens kept.",
		widget: Lc,
		question: "Temperature 2 with top-k 5 and top-p 0.3: which of them decides?",
		answer: "The truncations. The temperature asks for variety, but top-k and top-p together leave a single token, so every draw is the same. Set the temperature first, then at most one truncation."
	},
	{
		title: "From teacher to student",
		short: "Student",
		idea: ["A small model (the student) can learn from a large one (the teacher). Ordinary training shows it one right token: a hard label. Distilling shows it the teacher’s whole distribution: a soft target.", "A teacher that is sure gives its runners-up almost nothing to learn from. A somewhat higher τ lifts them, so the student also sees which tokens are alike: here Perth, Adelaide and Melbourne, cities too. A much higher τ lifts every token, and the cities are lost among all the others."],
		task: "Move τ slowly from 0.5 to 3. Where do Perth, Adelaide and Melbourne have the most? What takes the probability after that?",
		widget: zc,
		question: "Many papers distil at τ = 3 to 4. Would you do so with this teacher?",
		answer: "Not from what this row shows. The three cities have the most near τ = 1.2; at τ = 3 they have 0.4%, and the 49,144 others together 98%. Values of 3 to 4 became popular with image classifiers: few classes, and a teacher so sure that it gives 99.9% to one class and shows its runners-up only at a higher τ. The surer the teacher and the fewer the classes, the higher τ may be. With our own language models τ = 1 did best in a short training; in a long one τ = 3 did better than 1. (The loss is multiplied by τ², since its gradient shrinks as 1/τ².) So try several, and compare each with the same student trained on hard labels. The teacher’s mistakes are passed on too: here Sydney. A hard label corrects them."
	}
];
function Ec(e, t, n, r) {
	let i = [
		...Array.from({ length: Sc }, (e, t) => t),
		"others",
		...r ? ["all"] : []
	].map((t) => {
		let i = t === "all" ? r : t === "others" ? `${B(e.logits.length - Sc)} others` : G(e.record.position.tokens[t]), a = n.map(() => _("td", { class: "figure" })), o = _("span", { class: "bar bar-behind" }), s = _("span", { class: "bar bar-processed" });
		return {
			rank: t,
			cells: a,
			behind: o,
			bar: s,
			element: _("tr", { class: t === "all" ? "sum" : "" }, _("th", {
				scope: "row",
				class: "token-cell"
			}, i), ...a, _("td", { class: "bar-cell" }, _("span", {
				class: "bar-box one",
				"aria-hidden": "true"
			}, o, s)))
		};
	}), a = _("tr", {}, _("th", { scope: "col" }, "token ", U("token")), ...n.map(({ name: e, term: t }) => _("th", {
		scope: "col",
		class: "figure"
	}, `${e} `, U(t))), _("th", { scope: "col" }, _("span", { class: "sr" }, "bar")));
	return {
		element: _("table", { class: "bars tour-table" }, _("caption", { class: "sr" }, t), _("thead", {}, a), _("tbody", {}, ...i.map((e) => e.element))),
		draw(e) {
			for (let { rank: t, cells: n, behind: r, bar: a, element: o } of i) {
				let i = e(t);
				n.forEach((e, t) => S(e, i.cells[t] ?? "")), a.style.transform = `scaleX(${t === "all" ? 0 : i.share})`, r.style.transform = `scaleX(${i.behind ?? 0})`, o.classList.toggle("removed", i.removed === !0);
			}
		}
	};
}
var Dc = {
	name: "logit",
	term: "logits"
}, Oc = {
	name: "probability",
	term: "probability"
}, kc = 5;
function Ac(e) {
	return e === 0 ? "0%" : e < 1e-4 ? "< 0.01%" : z(e);
}
function jc(e, t) {
	let { raw: n } = nn([], e.logits), r = Ec(e, "Logits, their powers and probabilities of the most likely tokens", [
		Dc,
		{
			name: "e^logit",
			term: "power"
		},
		Oc
	], "sum"), i = Math.exp(e.logits[0]) / ze(n, 0), a = Vc(t.start, -2, 2, 0), o = _("input", {
		type: "checkbox",
		onchange: () => s()
	}), s = dr(() => {
		let t = o.checked ? kc : 0, s = (n) => e.logits[n] + t + (n === e.right ? a : 0), c = Math.exp(t) * i, l = c + Math.exp(s(e.right)) - Math.exp(e.logits[e.right] + t);
		r.draw((e) => {
			let t = e === "all" ? l : e === "others" ? c * Be(n, Sc) : Math.exp(s(e));
			return {
				cells: [
					typeof e == "number" ? R(s(e), 2) : "",
					B(t),
					Ac(t / l)
				],
				share: t / l
			};
		});
	}), c = Bs({
		label: `added to the logit of ${e.record.right.trim()}`,
		term: "logits",
		min: -2,
		max: 2,
		step: .1,
		nudge: .1,
		write: (e) => En(e, 1),
		marks: [
			[-2, "−2"],
			[0, "0"],
			[2, "+2"]
		]
	}, (e) => (c.show(a = e), t.keep(String(e)), s()));
	return c.show(a), s(), { element: _("div", {}, c.element, _("label", { class: "choice" }, o, ` add ${kc} to every logit`), r.element) };
}
function Mc(e, t) {
	let n = Ec(e, "Logits divided by the temperature, and probability of the most likely tokens", [{
		name: "logit ÷ τ",
		term: "logits"
	}, Oc]), r = Hc(e, 1);
	return { element: _("div", {}, Bc(t, (t) => {
		let i = Hc(e, t);
		n.draw((n) => {
			let a = Uc(i, t, n);
			return {
				cells: [typeof n == "number" ? t === 0 ? "–" : R(e.logits[n] / t, 2) : "", Ac(a)],
				share: a,
				behind: Uc(r, 1, n)
			};
		});
	}), n.element, _("p", { class: "legend" }, _("span", { class: "key key-accent" }, "at this τ"), _("span", { class: "key key-pale" }, "at τ = 1"))) };
}
function Nc(e, t) {
	let n = Ss(240), r = _("b"), i = _("b"), a = [e.first, e.right].map((e) => ({
		rank: e,
		value: _("b")
	})), o = [...Array.from({ length: 30 }, (e, t) => t / 100), ...Array.from({ length: 55 }, (e, t) => .3 + t / 20)], s = a.map(({ rank: t }) => o.map((n) => ({
		x: n,
		y: 100 * Uc(Hc(e, n), n, t)
	})));
	return {
		element: _("div", {}, Bc(t, (t) => {
			let o = Hc(e, t);
			S(r, `${L(O(o.processed).entropy)} nats`), S(i, Wc(an(o.processed)));
			for (let { rank: e, value: n } of a) S(n, Ac(Uc(o, t, e)));
			n.draw({
				title: "Probability of the two answers against temperature",
				x: "temperature τ",
				y: "probability, %",
				yFrom: 0,
				yTo: 100,
				mark: t,
				series: s.map((t, n) => ({
					name: Gc(e, a[n].rank),
					ink: n === 0 ? "second" : "accent",
					points: t,
					bare: !0
				}))
			});
		}), W([
			{
				name: `chance of ${Gc(e, e.first)}`,
				term: "tempered",
				value: a[0].value
			},
			{
				name: `chance of ${Gc(e, e.right)}`,
				term: "tempered",
				value: a[1].value
			},
			{
				name: "entropy",
				term: "entropy",
				value: r
			},
			{
				name: "effective support",
				term: "effective-support",
				value: i
			}
		]), _("p", { class: "legend" }, _("span", { class: "key key-second" }, `${Gc(e, e.first)}: first, and wrong`), _("span", { class: "key key-accent" }, `${Gc(e, e.right)}: second, and right`)), n.element, e.record.draws.length > 0 ? Fc(e) : null),
		close: n.close
	};
}
var Pc = 22;
function Fc(e) {
	let t = (t) => _("span", {
		class: `chip ${["chip-second", "chip-accent"][[e.first, e.right].findIndex((n) => t === Gc(e, n))] ?? ""}`,
		title: t
	}, t.length > Pc ? `${t.slice(0, 20).trimEnd()} …` : t);
	return _("table", { class: "draws" }, _("caption", {}, "What the model said in ten draws at each temperature"), _("tbody", {}, ...e.record.draws.map(({ temperature: e, texts: n }) => _("tr", {}, _("th", { scope: "row" }, `τ = ${V(e)}`), _("td", {}, ...n.flatMap((e) => [t(e), " "]))))));
}
var Ic = [
	["top_p=0.9", "top-p 0.9 alone"],
	["temperature=2 | top_p=0.9", "temperature 2, then top-p 0.9"],
	["top_p=0.9 | temperature=2", "top-p 0.9, then temperature 2"],
	["temperature=2 | top_k=5 | top_p=0.3", "temperature 2, then top-k 5, then top-p 0.3"]
];
function Lc(e, t) {
	let n = Ec(e, "What these settings leave of the most likely tokens", [{
		name: "raw",
		term: "raw"
	}, {
		name: "processed",
		term: "processed"
	}]), r = _("b", { role: "status" }), i = w("chain"), a = Hc(e, 1), o = (t) => {
		let i = nn(Jt(t), e.logits), o = I(i.processed);
		n.draw((e) => {
			let t = e === "all" ? !1 : e === "others" ? o <= Sc : i.removedBy(e) !== null, n = Uc(i, 1, e);
			return {
				cells: [Ac(Uc(a, 1, e)), t ? "removed" : Ac(n)],
				share: t ? 0 : n,
				behind: Uc(a, 1, e),
				removed: t
			};
		}), S(r, `${B(o)} of ${B(e.logits.length)}`);
	}, s = Vc(t.start, 1, Ic.length, 1), c = Ic.map(([e, n], r) => _("label", { class: "choice" }, _("input", {
		type: "radio",
		name: i,
		value: e,
		checked: r + 1 === s,
		onchange: () => (t.keep(String(r + 1)), o(e))
	}), _("span", {}, n)));
	return o(Ic[Math.floor(s) - 1][0]), { element: _("div", {}, _("fieldset", { class: "choices" }, _("legend", {}, "Settings, in the order in which they act"), ...c), W([{
		name: "tokens kept",
		term: "truncation",
		value: r
	}]), n.element, _("p", { class: "legend" }, _("span", { class: "key key-accent" }, "what these settings leave"), _("span", { class: "key key-pale" }, "raw: the model’s own"))) };
}
var Rc = [
	" Perth",
	" Adelaide",
	" Melbourne"
];
function zc(e, t) {
	let n = Ec(e, "The teacher's soft target at this temperature beside the hard label", [{
		name: "hard label",
		term: "hard-labels"
	}, {
		name: "soft target",
		term: "soft-targets"
	}]), [r, i, a] = [
		_("b"),
		_("b"),
		_("b")
	], o = Rc.map((t) => e.record.position.tokens.indexOf(t)).filter((e) => e >= 0);
	return { element: _("div", {}, Bc(t, (t) => {
		let s = Hc(e, t);
		n.draw((n) => {
			let r = Uc(s, t, n);
			return {
				cells: [Ac(Number(n === e.right)), Ac(r)],
				share: r,
				behind: Number(n === e.right)
			};
		}), S(r, Ac(1 - Uc(s, t, e.right))), S(i, Ac(o.reduce((e, n) => e + Uc(s, t, n), 0))), S(a, Wc(an(s.processed)));
	}), W([
		{
			name: "all wrong tokens together",
			term: "tempered",
			value: r
		},
		{
			name: "of which Perth, Adelaide, Melbourne",
			term: "tempered",
			value: i
		},
		{
			name: "effective support of the soft target",
			term: "effective-support",
			value: a
		}
	]), n.element, _("p", { class: "legend" }, _("span", { class: "key key-accent" }, "soft target: the teacher at this τ"), _("span", { class: "key key-pale" }, "hard label: the right token alone"))) };
}
function Bc(e, t) {
	let n = Vc(e.start, 0, Cc, 1), r = dr(() => t(n)), i = Vs((t) => (i.show(n = t), e.keep(String(t)), r()));
	return i.show(n), r(), i.element;
}
function Vc(e, t, n, r) {
	let i = Number(e ?? NaN);
	return i >= t && i <= n ? i : r;
}
function Hc(e, t) {
	return nn([{
		name: "temperature",
		value: t
	}], e.logits);
}
function Uc({ processed: e }, t, n) {
	return n === "all" ? 1 : t === 0 ? Number(n === 0) : n === "others" ? Be(e, Sc) : ze(e, n);
}
function Wc(e) {
	let t = L(e);
	return `${t} ${t === "1" ? "token" : "tokens"}`;
}
function Gc(e, t) {
	return e.record.position.tokens[t].trim();
}
// src/views/text.ts
var Kc = 6, qc = 1e3, Jc = [
	{
		name: "entropy",
		label: "entropy",
		what: "how uncertain the model was before it wrote the token (raw distribution)",
		term: "entropy",
		heat: (e) => $c(P(e.entropy_nats)) / Kc,
		shown: (e) => H(P(e.entropy_nats), An),
		ends: ["0 nats: sure", `${Kc} nats or more`],
		axis: "entropy, nats",
		ticks: [
			[0, "0"],
			[1 / 3, "2"],
			[2 / 3, "4"],
			[1, "6"]
		]
	},
	{
		name: "rank",
		label: "rank",
		what: "how many tokens the model held more likely",
		term: "rank",
		heat: (e) => e.rank === null ? 1 : Math.log(e.rank) / Math.log(qc),
		shown: (e) => el(e),
		ends: ["rank 1: the first choice", `rank ${B(qc)} or beyond`],
		axis: "rank of the token, logarithmic",
		ticks: [
			[0, "1"],
			[1 / 3, "10"],
			[2 / 3, "100"],
			[1, "1,000"]
		]
	},
	{
		name: "flip",
		label: "flip risk",
		what: "chance that numerical noise makes another token the most likely one",
		term: "flip-risk",
		heat: (e) => 2 * P(e.flip_risk).high,
		shown: (e) => `flip risk ${H(P(e.flip_risk), z)}`,
		ends: ["0%: safe at τ = 0", "50%: a coin toss"],
		axis: "flip risk",
		ticks: [
			[0, "0%"],
			[.5, "25%"],
			[1, "50%"]
		]
	}
];
function Yc(e, t, n) {
	let { state: r } = t, { tokens: i } = e, a = e.prompt_tokens.length > 0 ? e.prompt_tokens : [e.prompt], o = Jc.find((e) => e.name === r.get("colour")) ?? Jc[0], s = Math.min(Number(r.get("token") ?? 0) || 0, i.length - 1), c = _("section", {
		class: "card detail",
		"aria-live": "polite",
		"aria-label": "The chosen token"
	}), l = i.map((e, t) => p(e, t)), u = _("p", { class: "legend heat-legend" }), d = Qc(i, (e) => h(e, !1)), f = _("div", {
		class: "tokens text-tokens",
		role: "group",
		"aria-label": "The text, token by token. Arrow keys go through it.",
		onkeydown: m
	}, _("span", { class: "prompt-part" }, ...a.map(G)));
	i.forEach((e, t) => {
		f.append(l[t]), /\n/.test(e.token) && f.append(_("br"));
	});
	function p(e, t) {
		return _("button", {
			type: "button",
			class: `text-token${e.removed_by ? " was-removed" : ""}${e.given ? " was-given" : ""}`,
			tabindex: -1,
			onmouseenter: () => g(t),
			onfocus: () => g(t),
			onclick: () => h(t, !0)
		}, G(e.token));
	}
	function m(e) {
		let t = getComputedStyle(f).direction === "rtl", n = {
			ArrowRight: t ? -1 : 1,
			ArrowLeft: t ? 1 : -1
		}[e.key], r = e.key === "Home" ? 0 : e.key === "End" ? l.length - 1 : n === void 0 ? null : s + n;
		r === null || r < 0 || r >= l.length || (e.preventDefault(), h(r, !0));
	}
	function h(e, t) {
		r.set("token", String(e)), g(e), t && l[e].focus();
	}
	function g(t) {
		l[s]?.setAttribute("tabindex", "-1"), l[s]?.removeAttribute("aria-current"), s = t, l[t]?.setAttribute("tabindex", "0"), l[t]?.setAttribute("aria-current", "true"), d.mark(t), x(c, ...il(e, t, n));
	}
	function v() {
		i.forEach((e, t) => {
			let n = l[t];
			n.style.setProperty("--heat", String(Math.min(1, Math.max(0, o.heat(e))))), n.setAttribute("aria-label", `${t + 1}, ${Zn(e.token)}, ${o.shown(e)}`);
		}), x(u, _("span", {}, o.ends[0]), _("span", {
			class: "ramp",
			"aria-hidden": "true"
		}), _("span", {}, o.ends[1]), _("span", {}, o.what, " ", U(o.term))), d.draw(o);
	}
	let y = _("fieldset", { class: "choices" }, _("legend", {}, "Colour by"), ...Jc.map((e) => _("label", {}, _("input", {
		type: "radio",
		name: "colour",
		value: e.name,
		checked: e === o,
		onchange: () => {
			o = e, r.set("colour", e.name), v();
		}
	}), ` ${e.label}`)));
	return v(), i.length > 0 && g(s), {
		element: _("div", {}, _("div", { class: "prompt" }, ...tl(e)), _("section", {
			class: "card",
			"aria-label": "Text"
		}, y, f, u, d.element, nl(e)), c),
		close: d.close,
		download: {
			name: "retort-text",
			json: () => e,
			csv: () => cl(e),
			svg: () => d.element
		}
	};
}
var Xc = 170, Zc = {
	left: 46,
	right: 4,
	top: 22,
	bottom: 34
};
function Qc(e, t) {
	let n = v("title"), r = v("g"), i = v("g"), a = null, o = 640, s = 0, c = v("svg", {
		viewBox: `0 0 640 ${Xc}`,
		class: "chart strip",
		role: "img"
	}, n, r, i), l = fr(c, Xc, (e) => {
		o = e, a && u(a);
	});
	function u(c) {
		a = c, S(n, `${c.label} of each token: ${e.map(c.shown).slice(0, 40).join(", ")}`);
		let l = (o - Zc.left - Zc.right) / Math.max(e.length, 1), u = Xc - Zc.bottom, f = (e) => u - e * (u - Zc.top);
		x(r, v("text", {
			x: 2,
			y: 12
		}, c.axis), ...c.ticks.flatMap(([e, t]) => [v("line", {
			class: "grid",
			x1: Zc.left,
			x2: o - Zc.right,
			y1: f(e),
			y2: f(e)
		}), v("text", {
			x: Zc.left - 6,
			y: f(e) + 4,
			"text-anchor": "end"
		}, t)]), v("text", {
			x: o - Zc.right,
			y: 166,
			"text-anchor": "end"
		}, "tokens of the text, one bar each →")), x(i, ...e.map((e, n) => {
			let r = Math.min(1, Math.max(0, c.heat(e))), i = Xn(e.token), a = Zc.left + n * l;
			return v("g", {
				class: "strip-bar",
				onclick: () => t(n)
			}, v("rect", {
				class: "hit",
				x: a,
				y: 0,
				width: l,
				height: Xc
			}), v("rect", {
				class: "strip-fill",
				x: a + 1,
				y: f(r) - 1,
				width: Math.max(1, l - 2),
				height: u - f(r) + 1
			}), l > 7 * Math.min(i.length, 7) + 2 ? v("text", {
				x: a + l / 2,
				y: u + 13,
				"text-anchor": "middle"
			}, i.length > 7 ? `${i.slice(0, 6)}…` : i) : null);
		})), d(s);
	}
	function d(e) {
		i.children[s]?.classList.remove("marked"), s = e, i.children[e]?.classList.add("marked");
	}
	return {
		element: c,
		draw: u,
		mark: d,
		close: l
	};
}
function $c({ low: e, high: t }) {
	return (e + t) / 2;
}
function el(e) {
	return e.rank === null ? `beyond rank ${B(e.known_tokens)}` : `rank ${B(e.rank)}`;
}
function tl(e) {
	if (e.finish_reason === "") return [_("p", { class: "meta" }, "Writing …")];
	let t = e.known !== "full", n = t ? `the greedy text (its most likely token each time)${e.chain ? `; what ${e.chain} would leave is told at each token, where it can be decided` : ""}` : `seed ${e.seed}, drawn through ${e.chain || "no chain (raw)"}`;
	return [_("p", { class: "meta" }, `${e.model}, ${n}`), pr(e, e.tokens[0]?.known_tokens ?? 0, t)];
}
function nl(e) {
	let { totals: t } = e, n = t.unknown > 0 ? `; ${kn(t.unknown)} not among the known` : "", r = Number.isFinite(e.noise_scale) ? `; noise ${L(e.noise_scale)} logits` : "";
	return W([
		{
			name: "length",
			unit: "tokens",
			term: "token",
			value: _("b", {}, B(e.tokens.length))
		},
		{
			name: "logprob of the text",
			unit: `raw, summed${n}`,
			term: "logprob",
			value: _("b", {}, rl(P(t.logprob_raw)))
		},
		{
			name: "mean entropy",
			unit: "raw",
			term: "entropy",
			value: _("b", {}, H(P(t.entropy_nats), An))
		},
		{
			name: "chance of another greedy text",
			unit: `on other hardware${r}`,
			term: "flip-risk",
			value: _("b", {}, H(P(t.flip_risk), z))
		}
	], "measures text-totals");
}
function rl(e) {
	return e.low === -Infinity ? `at most ${An(e.high)}` : H(e, An);
}
function il(e, t, n) {
	let r = e.tokens[t], i = r.rank !== null && r.known_tokens === e.vocabulary, a = "not decided by the known tokens", o = (e, t) => e === null ? a : H(P(e), t), s = [
		{
			name: "rank",
			unit: "raw",
			term: "rank",
			value: r.rank === null ? `beyond ${B(r.known_tokens)}` : B(r.rank)
		},
		{
			name: "logprob",
			unit: "raw",
			term: "logprob",
			value: rl(P(r.logprob_raw))
		},
		{
			name: "logprob",
			unit: "processed",
			term: "processed",
			value: r.logprob_processed === null ? r.removed_by || i ? "cannot come" : a : H(P(r.logprob_processed), An)
		},
		{
			name: "entropy",
			unit: "raw",
			term: "entropy",
			value: H(P(r.entropy_nats), An)
		},
		{
			name: "entropy",
			unit: "processed",
			term: "entropy",
			value: o(r.entropy_processed_nats, An)
		},
		{
			name: "margin",
			unit: "logits",
			term: "margin",
			value: H(P(r.margin))
		},
		{
			name: "tokens kept",
			term: "truncation",
			value: r.kept === null ? a : B(r.kept)
		},
		{
			name: "kept mass",
			unit: "of what τ made",
			term: "kept-mass",
			value: o(r.kept_mass, z)
		},
		{
			name: "flip risk",
			unit: "at τ = 0",
			term: "flip-risk",
			value: H(P(r.flip_risk), z)
		}
	], c = r.given ? " given" : e.known === "full" ? " drawn" : " the most likely";
	return [
		_("h2", {}, _("small", {}, `${t + 1} of ${e.tokens.length} `), G(r.token), _("small", {}, c)),
		r.removed_by ? _("p", { class: "error" }, `${r.removed_by} would have removed it`) : _("p", { hidden: !0 }),
		_("div", { class: "two" }, W(s, "facts"), al(r, t, n))
	];
}
function al(e, t, n) {
	let r = P(e.unseen), i = Math.max(...e.alternatives.flatMap((e) => [P(e.prob_raw).high, P(e.prob_processed ?? 0).high]), r.high, 1e-12);
	return _("table", { class: `bars alternatives${r.high > 0 ? " range-bars" : ""}` }, _("caption", {}, n ? "Alternatives; choose one to branch" : "Alternatives"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
		scope: "col",
		class: "figure raw-ink"
	}, "raw ", U("raw")), _("th", {
		scope: "col",
		class: "figure processed-ink"
	}, "processed ", U("processed")), _("th", { scope: "col" }, _("span", { class: "sr" }, "bars")))), _("tbody", {}, ...e.alternatives.map((r) => ol(r, e, t, i, n))), r.high > 0 ? _("tbody", { class: "tail" }, sl("all unknown ones", r, null, i, e.rank === null)) : null);
}
function ol(e, t, n, r, i) {
	let a = e.id === null ? e.token === t.token : e.id === t.id, o = G(e.token);
	return sl(i && !a && (e.id !== null || tr(e.token)) ? _("button", {
		type: "button",
		class: "pick",
		onclick: () => i(n, e),
		"aria-label": `Branch here with ${Zn(e.token)}`
	}, o) : o, P(e.prob_raw), e.prob_processed === null ? null : P(e.prob_processed), r, a);
}
function sl(e, t, n, r, i) {
	let [a, o] = [rr("raw"), rr("processed")];
	ir(a, t, r), ir(o, n ?? N(0), r);
	let [s, c] = [_("td", { class: "figure raw-ink" }), _("td", { class: "figure processed-ink" })];
	return or(s, t, z), or(c, n, z, n?.high === 0 ? "–" : void 0), _("tr", {
		class: n?.high === 0 ? "removed" : "",
		"aria-current": i ? "true" : null
	}, _("th", {
		scope: "row",
		class: "token-cell"
	}, e), s, c, _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, a.element, o.element)));
}
function cl(e) {
	let t = [
		"logprob_raw",
		"logprob_processed",
		"entropy_nats",
		"margin",
		"kept_mass",
		"flip_risk"
	], n = new Set(t.filter((t) => e.tokens.some((e) => e[t] !== null && typeof e[t] != "number"))), r = (e, t) => {
		let r = e[t], i = r === null ? {
			low: null,
			high: null
		} : P(r);
		return n.has(t) ? [i.low, i.high] : [i.low];
	};
	return [[
		"place",
		"id",
		"token",
		"given",
		"rank",
		...t.flatMap((e) => n.has(e) ? [`${e}_low`, `${e}_high`] : [e]),
		"kept",
		"removed_by"
	], ...e.tokens.map((e, n) => [
		n + 1,
		e.id,
		e.token,
		String(e.given),
		e.rank,
		...t.flatMap((t) => r(e, t)),
		e.kept,
		e.removed_by
	])];
}
function ll(e, t) {
	let n = [...e?.tokens ?? [], t], r = (e) => {
		let t = n.map(e);
		return {
			low: t.reduce((e, t) => e + t.low, 0),
			high: t.reduce((e, t) => e + t.high, 0)
		};
	}, i = r((e) => P(e.entropy_nats)), a = (e) => 1 - n.reduce((t, n) => t * (1 - P(n.flip_risk)[e]), 1);
	return {
		known: "full",
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
			tokens: n.length,
			unknown: n.filter((e) => e.rank === null).length,
			removed: 0,
			logprob_raw: r((e) => P(e.logprob_raw)),
			logprob_processed: null,
			perplexity: NaN,
			kept_mass: null,
			entropy_nats: {
				low: i.low / n.length,
				high: i.high / n.length
			},
			flip_risk: {
				low: a("low"),
				high: a("high")
			}
		},
		noise_scale: NaN,
		vocabulary: null,
		vocabulary_at_most: 0,
		probe: null
	};
}
// src/views/tune.ts
function ul(e, t) {
	let n = e.settings.map((t, n) => yl(t, e.axis) ?? n), r = e.settings.every((t) => yl(t, e.axis) !== null), i = e.recommendation, a = Ss(), o = Ss(), s = r ? bl(i.region) : void 0, c = {
		x: r ? xl(e.axis) : "setting, as in the table",
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
	o.draw({
		...c,
		title: "Variety of the answers",
		y: "share",
		yFrom: 0,
		yTo: 1,
		series: u
	});
	let d = e.answers && e.answers.length > 0 ? hl(e, e.answers) : null;
	return {
		element: _("div", {}, _("section", {
			class: "card",
			"aria-label": "Recommendation"
		}, _("p", { class: "meta" }, `${e.model} on ${e.task} (${e.goal}): ${B(e.items)} items, ${B(e.samples_per_item)} answers each, seed ${e.seed}${e.chain ? `, drawn through ${e.chain}` : ""}`), _("h2", { class: "verdict" }, i.setting === null ? "No recommendation" : `Recommended: ${Sl(i.setting, e.axis)}`), _("p", {}, i.reason), W(dl(e), "measures recommendation")), _("div", { class: "two" }, _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Quality "), U("score"), " ", _("small", {}, "The line is the score, the band around it each setting’s own 95% interval. Green: statistically tied with the best. Dashed: recommended. "), U("tied")), a.element), u.length === 0 ? null : _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Variety "), _("span", { class: "legend" }, _("span", { class: "key key-second" }, "distinct: share of an item’s answers that differ ", U("distinct")), _("span", { class: "key key-dashed" }, "agreement: share of pairs that are the same ", U("agreement")))), o.element)), _("section", {
			class: "card scroll",
			tabindex: 0,
			"aria-label": "All settings"
		}, fl(e, d?.open)), d?.element ?? null, gl(e), vl(e)),
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
				..._l.map(([e]) => e)
			], ...e.settings.map((e) => [
				Sl(e.temperature ?? e.setting, null),
				e.score,
				...e.score_ci,
				e.distinct,
				e.agreement,
				e.samples,
				..._l.map(([t]) => e.variety?.[t] ?? null)
			])],
			svg: () => a.element
		}
	};
}
function dl(e) {
	let t = e.recommendation, n = (e, t) => _("span", {}, _("b", {}, e), t ? _("small", {}, ` ${Mn(t)}`) : null);
	return [
		{
			name: `score minus that at ${Sl(t.reference, e.axis)}`,
			unit: `95% interval ${t.planned ? "of this comparison" : "for all pairs together"}`,
			term: "interval",
			value: n(En(t.difference), t.difference_ci)
		},
		{
			name: "significantly better",
			term: "tied",
			value: n(t.detectable ? "yes" : "no")
		},
		...t.held_out_difference === null ? [] : [{
			name: "the same, on items not used to choose",
			term: "held-out-half",
			value: n(En(t.held_out_difference), t.held_out_ci)
		}],
		...t.chosen_again === null ? [] : [{
			name: "chosen again on half the items",
			unit: "share of halves",
			term: "held-out-half",
			value: n(Dn(t.chosen_again))
		}],
		...t.minimum_detectable_difference === null ? [] : [{
			name: "smallest difference that would show",
			unit: "in 4 of 5 runs",
			term: "detectable",
			value: n(L(t.minimum_detectable_difference))
		}],
		...e.forward_passes === null || e.independent_passes === null ? [] : [{
			name: "forward passes",
			unit: `${B(e.independent_passes)} without sharing`,
			term: "forward-pass",
			value: n(B(e.forward_passes))
		}]
	];
}
function fl(e, t) {
	let n = [...new Set(e.cells.map(({ prompt: e }) => e))], r = (t) => e.cells.filter(({ setting: e }) => JSON.stringify(e) === JSON.stringify(t.setting ?? { temperature: t.temperature })), i = [
		[xl(e.axis), "temperature"],
		["score", "score"],
		["95% interval", "interval"],
		[
			"distinct",
			"distinct",
			"wide-only"
		],
		[
			"agreement",
			"agreement",
			"wide-only"
		]
	];
	return _("table", { class: "plain-table numeric settings" }, _("caption", {}, `Every setting: ${e.score}, its own interval, and how alike its answers are`), _("thead", {}, _("tr", {}, ...i.map(([e, t, n]) => _("th", {
		scope: "col",
		class: n
	}, `${e} `, U(t))), ...n.length > 1 ? n.map((e) => _("th", { scope: "col" }, `prompt ${e}`)) : [], _("th", { scope: "col" }, "answers"))), _("tbody", {}, ...e.settings.map((i, a) => {
		let o = i.temperature ?? i.setting, s = JSON.stringify(o) === JSON.stringify(e.recommendation.setting), c = B(i.samples), l = Sl(o, e.axis), u = (e, n, r) => t ? _("button", {
			type: "button",
			class: "quiet open-answers",
			"aria-label": n,
			onclick: () => t(a, r)
		}, e) : e;
		return _("tr", { class: s ? "chosen" : "" }, _("th", { scope: "row" }, s ? "→ " : "", Sl(o, null)), _("td", {
			class: "figure",
			"data-value": i.score
		}, R(i.score)), _("td", { class: "figure interval-cell" }, jn(i.score_ci)), _("td", { class: "figure wide-only" }, pl(i.distinct)), _("td", { class: "figure wide-only" }, pl(i.agreement)), ...n.length > 1 ? r(i).map(({ prompt: e, score: t }) => _("td", { class: "figure" }, u(R(t), `Prompt ${e} at ${l}: score ${R(t)}. Show its answers.`, e))) : [], _("td", { class: "figure" }, u(c, `Show the ${c} answers at ${l}`)));
	})));
}
function pl(e) {
	return R(e, 2);
}
var ml = 12;
function hl(e, t) {
	let n = [...new Set(t.map(({ item: e, prompt: t }) => JSON.stringify([e, t])))], r = [...new Set(t.map(({ prompt: e }) => e))].sort((e, t) => e - t), i = r.length > 1, a = t.every(({ score: e }) => e === 0 || e === 1), o = (t) => e.settings.findIndex((e) => JSON.stringify(e.temperature ?? e.setting) === JSON.stringify(t)), s = Math.max(0, o(e.recommendation.setting)), c = [o(e.recommendation.reference), e.settings.length - 1].find((e) => e >= 0 && e !== s) ?? s, l = _("tbody"), u = ml, d = _("button", {
		type: "button",
		class: "quiet more",
		onclick: () => (u += ml, v())
	}), f = _("select", {
		"aria-label": "Prompt",
		hidden: !i,
		onchange: () => v()
	}, _("option", { value: "" }, "all prompts"), ...r.map((e) => _("option", { value: e }, `prompt ${e}`))), [p, m] = [h("Answers at", s), h("beside those at", c)];
	function h(t, n) {
		let r = _("select", {
			"aria-label": t,
			onchange: () => v()
		});
		return e.settings.forEach((t, i) => r.append(_("option", {
			value: i,
			selected: i === n
		}, Sl(t.temperature ?? t.setting, e.axis)))), r;
	}
	function g(e, n, r) {
		let i = /* @__PURE__ */ new Map();
		for (let { text: a, score: o, ...s } of t) {
			if (s.item !== e || s.prompt !== n || s.setting !== r) continue;
			let t = JSON.stringify([a, o]), c = i.get(t) ?? {
				text: a,
				score: o,
				times: 0
			};
			i.set(t, {
				...c,
				times: c.times + 1
			});
		}
		return _("td", { dir: "auto" }, ...[...i.values()].sort((e, t) => t.times - e.times).map(({ text: e, score: t, times: n }) => _("p", { class: `answer${a ? t === 1 ? " right" : " wrong" : ""}` }, a ? _("span", {}, _("span", { "aria-hidden": "true" }, t === 1 ? "✓ " : "✗ "), _("span", { class: "sr" }, t === 1 ? "right: " : "wrong: ")) : _("small", {}, `${L(t)} `), e || "(empty)", n > 1 ? _("small", {}, ` × ${n}`) : null)));
	}
	function v() {
		let e = n.map((e) => JSON.parse(e)).filter(([, e]) => f.value === "" || e === Number(f.value)), t = e.slice(0, u);
		x(l, ...t.map(([e, t]) => _("tr", {}, _("th", { scope: "row" }, e, i ? _("small", {}, ` prompt ${t}`) : null), g(e, t, Number(p.value)), g(e, t, Number(m.value))))), d.hidden = u >= e.length, S(d, `Show more of ${B(e.length)} items`);
	}
	v();
	let y = _("section", {
		class: "card",
		"aria-label": "Answers side by side"
	}, _("p", {}, _("b", {}, "Answers of two settings "), U("score"), " ", _("small", {}, a ? "✓ scored 1, ✗ scored 0. " : "Each behind its score. "), f), _("table", { class: "plain-table answers" }, _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "item"), _("th", { scope: "col" }, p), _("th", { scope: "col" }, m))), l), d);
	return {
		element: y,
		open(e, t) {
			p.value = String(e), f.value = t === void 0 ? "" : String(t), v(), y.scrollIntoView({ block: "start" }), p.focus({ preventScroll: !0 });
		}
	};
}
function gl(e) {
	if (e.questions.length === 0 && e.votes.length === 0) return null;
	let t = e.votes.map(({ kind: t, answers: n, recommendation: r }) => _("li", {}, `${t === "majority" ? `Majority of ${n} answers` : `One of ${n} answers is right`}: best at ${Sl(r.setting, e.axis)}. `, U("pass-at-k")));
	return _("section", {
		class: "card scroll",
		tabindex: 0,
		"aria-label": "Differences that matter"
	}, _("p", {}, _("b", {}, "Differences that matter "), U("interval")), e.questions.length === 0 ? null : _("table", { class: "plain-table" }, _("thead", {}, _("tr", {}, ...[
		"question",
		"score of",
		"minus score of",
		"difference, 95% interval"
	].map((e) => _("th", { scope: "col" }, e)))), _("tbody", {}, ...e.questions.map(({ question: e, better: t, than: n, difference: r, difference_ci: i }) => _("tr", {}, _("th", { scope: "row" }, e), _("td", {}, t), _("td", {}, n), _("td", {}, `${En(r)} (${Mn(i)})`))))), t.length > 0 ? _("ul", {}, ...t) : null);
}
var _l = [
	[
		"distinct_1",
		"distinct words",
		"distinct-n"
	],
	[
		"distinct_2",
		"distinct pairs of words",
		"distinct-n"
	],
	[
		"self_bleu",
		"self-BLEU",
		"self-bleu"
	],
	[
		"vendi",
		"Vendi score",
		"vendi"
	],
	[
		"semantic_distinct",
		"groups of alike answers",
		"distinct"
	]
];
function vl(e) {
	let t = e.settings.find((e) => e.variety)?.variety;
	if (!t) return null;
	let n = _l.filter(([t]) => e.settings.some((e) => typeof e.variety?.[t] == "number"));
	return _("section", {
		class: "card scroll",
		tabindex: 0,
		"aria-label": "Other measures of variety"
	}, _("p", {}, _("b", {}, "Variety, in other ways "), _("small", {}, `Means over ${t.items} items, of up to ${t.answers} answers each, compared by ${t.likeness}.`)), _("table", { class: "plain-table numeric" }, _("caption", { class: "sr" }, "Every setting with the other measures of variety"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, xl(e.axis)), ...n.map(([, e, t]) => _("th", { scope: "col" }, `${e} `, U(t))))), _("tbody", {}, ...e.settings.map((e) => _("tr", {}, _("th", { scope: "row" }, Sl(e.temperature ?? e.setting, null)), ...n.map(([t]) => _("td", { class: "figure" }, L(e.variety?.[t]))))))));
}
function yl(e, t) {
	let n = t ? e.setting?.[t] ?? (t === "temperature" ? e.temperature : null) : null;
	return typeof n == "number" ? n : null;
}
function bl(e) {
	return e.length > 0 && e.every((e) => typeof e == "number") ? e : void 0;
}
function xl(e) {
	return e === "temperature" ? "temperature τ" : e ?? "setting";
}
function Sl(e, t) {
	return typeof e == "number" ? t === "temperature" ? `τ = ${V(e)}` : t ? `${t} = ${V(e)}` : V(e) : typeof e == "object" && e ? Object.entries(e).map(([e, t]) => `${e}=${t}`).join(" ") : String(e);
}
// src/app.ts
function Cl(e, t, { address: n, tabs: r = [], save: i = null }) {
	r = [
		...Tl(t),
		...r.length > 0 ? r : El(t),
		{
			name: "glossary",
			label: "Terms",
			open: oi
		}
	];
	let a = _("div", {
		class: "sr",
		role: "status",
		"aria-live": "polite"
	}), o = {
		data: t,
		state: new ne(n, t.state),
		announce: (e) => a.textContent = e
	}, s = _("div", {
		role: "tabpanel",
		tabindex: "-1",
		class: "panel"
	}), l = null, u = r.map((e) => _("button", {
		type: "button",
		role: "tab",
		id: w("tab"),
		onclick: () => o.state.set("view", e.name)
	}, e.label)), d = _("div", {
		role: "tablist",
		"aria-label": "Views",
		class: "tabs",
		onkeydown: f
	}, ...u);
	function f(e) {
		let t = u.indexOf(document.activeElement), n = {
			ArrowRight: 1,
			ArrowLeft: -1
		}[e.key], i = e.key === "Home" ? 0 : e.key === "End" ? u.length - 1 : n === void 0 ? null : t + n;
		if (i === null) return;
		e.preventDefault();
		let a = (i + u.length) % u.length;
		u[a].focus(), o.state.set("view", r[a].name);
	}
	function p() {
		let e = Math.max(0, r.findIndex((e) => e.name === o.state.get("view")));
		u.forEach((t, n) => {
			t.setAttribute("aria-selected", String(n === e)), t.tabIndex = n === e ? 0 : -1;
		}), l?.close(), l = r[e]?.open(o) ?? null, s.setAttribute("aria-labelledby", u[e]?.id ?? ""), m.hidden = ["tour", "glossary"].includes(r[e]?.name ?? ""), x(s, l?.element ?? _("p", {}, "This page holds nothing to show."));
	}
	let m = _("details", {
		class: "menu",
		onkeydown: (e) => {
			e.key === "Escape" && m.open && (m.open = !1, m.querySelector("summary")?.focus());
		},
		onfocusout: (e) => {
			m.contains(e.relatedTarget) || (m.open = !1);
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
			m.open = !1, l?.download && c(l.download, e).then(() => o.announce(`${t} saved`));
		}
	}, t)))), g = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => void v()
	}, "Save this page");
	async function v() {
		try {
			h("retort.html", await i(o.state.text())), o.announce("The page is saved");
		} catch (e) {
			o.announce(e.message);
		}
	}
	let y = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => void wl(o)
	}, "Copy link");
	e.classList.add("retort"), x(e, _("header", { class: "head" }, _(n ? "h1" : "p", { class: "brand" }, "retort"), d, _("div", { class: "tools" }, n ? y : null, i ? g : null, m, oe(e))), _(n ? "main" : "div", {}, s), a);
	let b = o.state.listen((e) => e === "view" && p()), S = (e) => {
		o.state.set("term", e.detail), o.state.set("view", "glossary");
	};
	return e.addEventListener("retort-term", S), p(), performance.mark("retort-controls"), () => {
		b(), e.removeEventListener("retort-term", S), l?.close(), e.replaceChildren();
	};
}
async function wl(e) {
	try {
		await navigator.clipboard.writeText(e.state.link()), e.announce("Link copied");
	} catch {
		history.replaceState(history.state, "", e.state.link()), e.announce("The link is in the address bar");
	}
}
function Tl({ tour: e }) {
	return e ? [{
		name: "tour",
		label: "Tour",
		open: (t) => wc(e, t)
	}] : [];
}
function El(e) {
	let t = [], { position: n, text: r, path: i, compare: a, tune: o, distil: s } = e;
	return n && t.push({
		name: "position",
		label: "Position",
		open: (e) => pc(n, e)
	}), r && t.push({
		name: "text",
		label: "Text",
		open: (e) => Yc(r, e)
	}), i && t.push({
		name: "path",
		label: "Path",
		open: (e) => Gs(i, e)
	}), a && t.push({
		name: "compare",
		label: "Compare",
		open: (e) => Br(a, e)
	}), o && t.push({
		name: "tune",
		label: "Tune",
		open: (e) => ul(o, e)
	}), s && t.push({
		name: "distil",
		label: "Distil",
		open: (e) => ks(s, e)
	}), t;
}
// src/parts/runForm.ts
function Dl(t) {
	let { api: n, state: r, fields: a } = t, o = null, s = null, c = () => {
		s?.(), o?.stop();
	}, l = new Map(a.map((e) => [e.name, Ol(e, r)])), u = _("button", {
		type: "submit",
		class: "solid"
	}, t.verb), d = _("button", {
		type: "button",
		class: "quiet",
		hidden: !0,
		onclick: () => c()
	}, "Stop"), f = _("progress", {
		max: 1,
		"aria-label": `${t.verb}: progress`,
		hidden: !0
	}), p = _("p", { class: "meta news" }), m = _("p", {
		class: "error",
		role: "alert"
	}), h = _("form", {
		class: "card run-form",
		"aria-label": t.verb
	}, _("p", { class: "meta intro" }, t.intro), _("div", { class: "fields" }, ...a.map((e) => _("div", { class: `field field-${e.kind}` }, _("label", { for: l.get(e.name).id }, e.label), l.get(e.name), e.hint ? _("small", {}, e.hint) : null))), _("div", { class: "form-foot" }, u, d, f, p), m);
	h.addEventListener("submit", (e) => {
		e.preventDefault(), x();
	}), h.addEventListener("keydown", (e) => {
		e.key === "Enter" && (e.ctrlKey || e.metaKey) && x(), e.key === "Escape" && c();
	});
	let g = !1, v = r.listen((e) => {
		if (g) return;
		let t = l.get(e), n = a.find((t) => t.name === e);
		t && n && n.kind !== "file" && document.activeElement !== t && (t.value = r.get(e) ?? n.initial);
	}), y = /* @__PURE__ */ new Map();
	for (let e of a.filter(({ kind: e }) => e === "file")) {
		let t = l.get(e.name);
		t.addEventListener("change", () => {
			let n = t.files?.[0];
			y.delete(e.name), n?.text().then((t) => y.set(e.name, JSON.stringify({
				name: n.name,
				text: t
			})));
		});
	}
	function b() {
		return Object.fromEntries(a.map(({ name: e, kind: t }) => [e, t === "file" ? y.get(e) ?? "" : l.get(e).value]));
	}
	function x() {
		let c = b();
		g = !0;
		for (let { name: e, kind: t } of a) t !== "file" && r.set(e, c[e]);
		g = !1, o?.stop(), S(m, "");
		let l;
		try {
			let e = a.find(({ name: e, required: t }) => t && c[e].trim() === "");
			if (e) throw Error(`The ${e.name} is empty.`);
			l = t.body(c);
		} catch (e) {
			S(m, e.message), t.onFailed?.();
			return;
		}
		t.onStart?.();
		let u = performance.now(), h = "Starting", _ = () => S(p, `${h} · ${B((performance.now() - u) / 1e3)} s`), v = setInterval(_, 1e3);
		_();
		let y = !1;
		s = () => {
			y = !0, d.disabled = !0, h = "Stopping …", _();
		};
		let x = n.start(t.kind, l, {
			onProgress: ({ done: e, total: t, detail: n }) => {
				f.hidden = !1, f.max = t || 1, f.value = e, y || (h = n || `${B(e)} of ${B(t)}`, _());
			},
			onLost: () => {
				h = "The connection was lost; trying again", _();
			},
			onTold: (e, n) => t.onTold?.(e, n)
		});
		o = x, C(!0), x.result.then((e) => {
			o === x && (clearInterval(v), S(p, ""), t.onRecord(e, x.id), t.announce(`${t.verb}: done`));
		}).catch((n) => {
			clearInterval(v), o === x && (S(p, ""), n instanceof e ? (S(p, "Stopped."), t.onStopped?.()) : (S(m, n.message), n instanceof i && t.onFailed?.()));
		}).finally(() => {
			o === x && (o = s = null, C(!1));
		});
	}
	function C(e) {
		d.hidden = !e, d.disabled = !1, f.hidden = !0, e && (f.hidden = !1, f.removeAttribute("value")), h.setAttribute("aria-busy", String(e));
	}
	return n.mayRun || (u.disabled = !0, S(m, "To run a model, open the address that retort studio printed when it started: it carries the token.")), {
		element: h,
		run: () => n.mayRun && x(),
		close: () => {
			v(), o?.stop();
		}
	};
}
function Ol(e, t) {
	let n = w(e.name), r = e.name, i = t.get(r) ?? e.initial;
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
	if (e.kind === "file") return _("input", {
		id: n,
		name: r,
		type: "file",
		accept: ".yaml,.yml,.json,.jsonl"
	});
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
var kl = /* @__PURE__ */ new Map();
function Al() {
	return Object.fromEntries([...kl].map(([e, { run: t }]) => [e, t]));
}
var jl = ["continuation", "given"];
function Ml(e, { models: t, prompts: n, tasks: r, recipes: i }) {
	let a = {
		name: "model",
		label: "Model",
		kind: "choice",
		initial: t[0],
		choices: t
	}, o = {
		name: "prompt",
		label: "Prompt",
		kind: "lines",
		initial: n[t[0]] ?? "",
		hint: "Ctrl+Enter asks, Esc stops",
		required: !0
	}, s = {
		name: "seed",
		label: "Seed",
		kind: "number",
		initial: "0"
	}, c = {
		name: "max_tokens",
		label: "Most tokens",
		kind: "number",
		initial: "24"
	}, l = {
		name: "chain",
		label: "Chain",
		kind: "chain",
		initial: "temperature=0.8"
	}, u = {
		name: "truncations",
		label: "Other settings",
		kind: "chain",
		initial: "",
		hint: "for example top_p=0.9"
	}, d = {
		name: "temperatures",
		label: "Temperatures",
		kind: "text",
		initial: "0:2:41",
		hint: "first:last:count, or a list"
	};
	return [
		Nl(e, {
			name: "position",
			label: "Position",
			kind: "position",
			intro: "How likely is each token after this prompt, and what do temperature and truncation make of it?",
			verb: "Look",
			eager: !0,
			picks: !0,
			fields: [a, o],
			body: ({ model: e, prompt: t }, { state: n }) => ({
				model: e,
				prompt: t,
				continuation: Ll(n.get("continuation"))
			}),
			view: (t, n, r) => {
				let i = {
					model: n.state.get("model"),
					prompt: n.state.get("prompt"),
					continuation: Ll(n.state.get("continuation"))
				}, a = t.known !== "full";
				return pc(t, n, (e) => {
					let i = t.ids[e];
					a || i == null ? n.state.set("prompt", t.prompt + t.tokens[e]) : n.state.set("continuation", [...Ll(n.state.get("continuation")), i].join(",")), r();
				}, e.mayRun ? (n) => e.start("position", a ? {
					...i,
					prompt: t.prompt + n.map(({ text: e }) => e).join("")
				} : {
					...i,
					continuation: [...i.continuation, ...n.map(({ id: e }) => e)]
				}).result : void 0);
			}
		}),
		Nl(e, {
			name: "text",
			label: "Text",
			kind: "text",
			intro: "The model writes a text. How sure was it of each token, and what else could it have said?",
			verb: "Write",
			picks: !0,
			live: (e, t, n) => t === "token" ? ll(e, n) : null,
			fields: [
				a,
				o,
				l,
				s,
				c
			],
			body: ({ model: e, prompt: t, chain: n, seed: r, max_tokens: i }, { state: a }) => ({
				model: e,
				prompt: t,
				chain: n,
				seed: Fl("seed", r),
				max_tokens: Fl("longest text", i),
				continuation: Ll(a.get("continuation")),
				given: Rl(a.get("given"))
			}),
			view: (e, t, n) => Yc(e, t, (r, i) => {
				let a = e.tokens.slice(0, r);
				e.known === "full" ? t.state.set("continuation", [...a, i].map((e) => e.id).join(",")) : t.state.set("given", JSON.stringify([...a, i].map((e) => e.token))), t.state.set("token", String(r)), n();
			})
		}),
		Nl(e, {
			name: "path",
			label: "Path",
			kind: "path",
			intro: "One seed, every temperature: the noise stays the same, so only τ changes the text. Where does it change?",
			verb: "Follow",
			fields: [
				a,
				o,
				{ ...s },
				c,
				d,
				u
			],
			body: ({ model: e, prompt: t, seed: n, max_tokens: r, temperatures: i, truncations: a }) => ({
				model: e,
				prompt: t,
				chain: a,
				seed: Fl("seed", n),
				max_tokens: Fl("longest text", r),
				temperatures: Il(i)
			}),
			view: (e, t) => Gs(e, t)
		}),
		Nl(e, {
			name: "compare",
			label: "Compare",
			kind: "compare",
			intro: "How different are two models after one prompt, two prompts, or one model with two chains?",
			verb: "Compare",
			fields: [
				{
					...a,
					label: "A: model"
				},
				{
					...o,
					label: "A: prompt"
				},
				{
					...a,
					name: "model_b",
					label: "B: model",
					initial: t[1] ?? t[0]
				},
				{
					...o,
					name: "prompt_b",
					required: !1,
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
			view: (e, t) => Br(e, t)
		}),
		Nl(e, {
			name: "tune",
			label: "Tune",
			kind: "tune",
			intro: "The model answers the items of a task at each temperature, and every answer is scored. Which temperature is best, and is that more than luck?",
			verb: "Tune",
			fields: [
				a,
				{
					name: "task",
					label: "Task",
					kind: "choice",
					initial: r[0],
					choices: r
				},
				{
					name: "task_file",
					label: "or your own task file",
					kind: "file",
					initial: "",
					hint: ".yaml, .json, .jsonl; promptfoo’s too"
				},
				{
					...d,
					name: "tune_temperatures",
					initial: "0:2:9"
				},
				{
					name: "samples",
					label: "Answers per item",
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
				{
					...u,
					kind: "text"
				},
				s
			],
			body: ({ model: e, task: t, task_file: n, tune_temperatures: r, samples: i, items: a, truncations: o, seed: s }) => ({
				model: e,
				...n ? { file: JSON.parse(n) } : { task: t },
				temperatures: Il(r),
				samples: Fl("answers per item", i),
				chain: o,
				seed: Fl("seed", s),
				...a?.trim() ? { items: Fl("items", a) } : {}
			}),
			view: (e, t) => ul(e, t)
		}),
		Nl(e, {
			name: "distil",
			label: "Distil",
			kind: "distil",
			intro: "Two students with the same first weights read the same text. One learns from its tokens alone (hard labels), one from the teacher’s distributions as well (soft targets). Which predicts new text better?",
			verb: "Train",
			fields: [
				{
					name: "recipe",
					label: "Recipe",
					kind: "choice",
					initial: i[0],
					choices: i
				},
				{
					name: "steps",
					label: "Steps per arm",
					kind: "number",
					initial: "40"
				},
				{
					name: "seeds",
					label: "Seeds",
					kind: "number",
					initial: "3",
					hint: "3 or more for a verdict"
				},
				{
					name: "kd_temperature",
					label: "τ of the loss",
					kind: "number",
					initial: "1"
				},
				{
					name: "alpha",
					label: "α",
					kind: "number",
					initial: "0.9",
					hint: "weight of the soft targets"
				}
			],
			body: ({ recipe: e, steps: t, seeds: n, kd_temperature: r, alpha: i }) => ({
				recipe: e,
				steps: Fl("steps", t),
				seeds: Fl("seeds", n),
				temperature: Number(r),
				alpha: Number(i)
			}),
			view: (e, t) => ks(e, t),
			begin: () => ({ arms: {} }),
			stopped: (e) => ({
				...e,
				stopped: !0
			}),
			live: (e, t, n) => t === "point" ? Rs(e, n) : null
		})
	];
}
function Nl(e, t) {
	return {
		name: t.name,
		label: t.label,
		open: (n) => Pl(e, t, n)
	};
}
function Pl(e, t, n) {
	let r = null, i = null, a = _("div", { class: "holder" }), o = Dl({
		api: e,
		state: n.state,
		announce: n.announce,
		kind: t.kind,
		verb: t.verb,
		intro: t.intro,
		fields: t.fields,
		body: (e) => t.body(e, n),
		onStart: () => {
			i = t.begin?.() ?? null, i !== null && u(i);
		},
		onFailed: () => {
			kl.delete(t.name), r?.close(), r = null, x(a);
		},
		onStopped: () => {
			i !== null && t.stopped && u(i = t.stopped(i));
		},
		onTold: (e, n) => {
			let r = t.live?.(i, e, n) ?? null;
			r !== null && u(i = r);
		},
		onRecord: (e, n) => {
			kl.set(t.name, {
				record: e,
				run: n
			}), u(e);
		}
	});
	o.element.addEventListener("change", () => {
		for (let e of jl) n.state.set(e, void 0);
	});
	let s = _("p", { class: "meta picked" }), c = () => {
		let e = Ll(n.state.get("continuation")), r = Rl(n.state.get("given")), i = e.length || r.length;
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
	}, l = n.state.listen((e) => jl.includes(e) && c());
	c();
	function u(e) {
		r?.close(), r = t.view(e, n, o.run), x(a, r.element);
	}
	let d = kl.get(t.name);
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
function Fl(e, t) {
	let n = Number(t);
	if (!t?.trim() || !Number.isSafeInteger(n)) throw Error(`${e} must be a whole number, got “${t ?? ""}”`);
	return n;
}
function Il(e) {
	let t = /^\s*([\d.]+):([\d.]+):(\d+)\s*$/.exec(e ?? ""), n = t ? Array.from({ length: Number(t[3]) }, (e, n) => Number(t[1]) + (Number(t[2]) - Number(t[1])) * n / Math.max(1, Number(t[3]) - 1)) : (e ?? "").split(",").map(Number);
	if (n.length === 0 || !n.every(Number.isFinite)) throw Error(`temperatures are first:last:count (0:2:41) or a list (0, 0.5, 1), got “${e ?? ""}”`);
	return n.map((e) => Number(e.toFixed(10)));
}
function Ll(e) {
	return e ? e.split(",").map(Number).filter(Number.isSafeInteger) : [];
}
function Rl(e) {
	try {
		let t = JSON.parse(e ?? "[]");
		return Array.isArray(t) ? t.filter((e) => typeof e == "string") : [];
	} catch {
		return [];
	}
}
// src/main.ts
function zl({ model: e, el: t }) {
	let n = document.createElement("div");
	n.dataset.lmSuppressShortcuts = "true", n.addEventListener("keydown", (e) => e.stopPropagation()), t.append(n);
	let r = Cl(n, e.get("data"), { address: !1 }), i = () => {
		r(), r = Cl(n, e.get("data"), { address: !1 });
	};
	return e.on("change:data", i), () => {
		e.off("change:data", i), r();
	};
}
var Bl = { render: zl }, Vl = document.getElementById("retort-data"), Hl = document.getElementById("retort-page");
Vl !== null && Hl !== null && Ul(Hl, JSON.parse(Vl.textContent ?? "{}"));
function Ul(e, t) {
	if (!t.studio) {
		Cl(e, t, {
			address: !0,
			save: async (e) => Wl(t, e)
		});
		return;
	}
	let n = new r();
	Promise.all([n.offer(), n.tour()]).then(([r, i]) => Cl(e, {
		...t,
		tour: i
	}, {
		address: !0,
		tabs: Ml(n, r),
		save: n.mayRun ? (e) => n.page(e, Al()) : null
	})).catch((t) => e.textContent = t.message);
}
function Wl(e, t) {
	let n = document.documentElement.cloneNode(!0), r = n.querySelector("#retort-page");
	r.replaceChildren();
	for (let { name: e } of [...r.attributes]) e !== "id" && r.removeAttribute(e);
	return n.querySelector("#retort-data").textContent = JSON.stringify({
		...e,
		state: t
	}).replaceAll("<", "\\u003c"), new Blob([`<!doctype html>\n${n.outerHTML}\n`], { type: "text/html" });
}
export { Bl as default };
