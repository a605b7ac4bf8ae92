// src/api.ts
var e = class extends Error {}, t = 8, n = 250, r = class {
	token;
	constructor() {
		this.token = s();
	}
	get mayRun() {
		return this.token !== "";
	}
	async models() {
		return (await this.ask("GET", "/api/models")).models;
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
var te = .3, w = class {
	values;
	listeners = /* @__PURE__ */ new Set();
	timer;
	inAddress;
	constructor(e) {
		this.inAddress = e, this.values = e ? ne() : /* @__PURE__ */ new Map(), e && window.addEventListener("hashchange", () => this.adopt(ne()));
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
		}, 1e3 * te));
	}
	adopt(e) {
		let t = [.../* @__PURE__ */ new Set([...this.values.keys(), ...e.keys()])].filter((t) => this.values.get(t) !== e.get(t));
		this.values.clear();
		for (let [t, n] of e) this.values.set(t, n);
		for (let e of t) for (let t of this.listeners) t(e);
	}
};
function ne() {
	return new Map(new URLSearchParams(location.hash.slice(1)));
}
// src/parts/theme.ts
var re = {
	auto: "light",
	light: "dark",
	dark: "auto"
}, ie = "retort-theme";
function ae(e) {
	let t = oe(), n = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => r(re[t])
	}), r = (r) => {
		t = r, e.dataset.theme = t, n.textContent = {
			auto: "◐ auto",
			light: "○ light",
			dark: "● dark"
		}[t], n.setAttribute("aria-label", `Colours: ${t}. Change to ${re[t]}.`);
		try {
			localStorage.setItem(ie, t);
		} catch {}
	};
	return r(t), n;
}
function oe() {
	try {
		let e = localStorage.getItem(ie);
		return e === "light" || e === "dark" ? e : "auto";
	} catch {
		return "auto";
	}
}
// src/math/window.ts
var se = -745.2, ce = 2 ** -40, le = 64, ue = /* @__PURE__ */ new WeakMap();
function de(e) {
	return {
		logits: e,
		temperature: 1,
		from: 0,
		to: e.length
	};
}
function fe(e, t) {
	return t === 0 ? {
		...e,
		to: e.from + 1
	} : {
		...e,
		temperature: e.temperature * t
	};
}
function T(e, t) {
	return (e.logits[t] - e.logits[e.from]) / e.temperature;
}
function E(e) {
	let t = ue.get(e.logits);
	t === void 0 && ue.set(e.logits, t = /* @__PURE__ */ new Map());
	let n = `${e.temperature}/${e.from}/${e.to}`, r = t.get(n);
	return r === void 0 && (t.size >= le && t.clear(), t.set(n, r = pe(e))), r;
}
function pe(e) {
	let { logits: t, temperature: n, from: r, to: i } = e, a = t[r], o = 0, s = 0;
	for (let e = r; e < i; e++) {
		let r = (t[e] - a) / n;
		if (r < se) break;
		let i = Math.exp(r);
		o += i, s += i * r;
	}
	return {
		total: o,
		entropy: Math.max(0, Math.log(o) - s / o)
	};
}
function me(e, t) {
	return t < e.from || t >= e.to ? -Infinity : T(e, t) - Math.log(E(e).total);
}
function D(e, t) {
	return Math.exp(me(e, t));
}
function he(e, t, n) {
	let r = Math.max(t, e.from), i = Math.min(n, e.to);
	if (r >= i) return 0;
	let { total: a } = E(e);
	return r === e.from && i === e.to ? 1 : r === e.from && i - r > e.to - i ? 1 - ge(e, i, e.to) / a : Math.min(1, ge(e, r, i) / a);
}
function ge(e, t, n) {
	let r = 0;
	for (let i = t; i < n; i++) {
		let t = T(e, i);
		if (t < se) break;
		r += Math.exp(t);
	}
	return r;
}
function _e(e) {
	return e.to - e.from < 2 ? Infinity : e.logits[e.from] - e.logits[e.from + 1];
}
function ve(e, t) {
	let n = e.to - e.from;
	if (t >= 1) return n;
	let r = t * E(e).total * (1 - ce), i = 0;
	for (let t = e.from; t < e.to; t++) if (i += Math.exp(T(e, t)), i >= r) return t - e.from + 1;
	return n;
}
function ye(e, t) {
	let n = e.from, r = e.to;
	for (; n < r;) {
		let i = n + r >> 1;
		T(e, i) >= t ? n = i + 1 : r = i;
	}
	return n;
}
// src/math/transforms.ts
var be = 1e-12;
function xe(e, t) {
	return {
		...e,
		to: Math.min(e.to, e.from + t)
	};
}
var Se = [
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
		apply: fe
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
		apply: xe
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
		apply: (e, t) => xe(e, ve(e, t))
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
		apply: (e, t) => ({
			...e,
			to: ye(e, Math.log(t) - be)
		})
	}
], O = new Map(Se.map((e) => [e.name, e])), Ce = new Map(Se.flatMap((e) => [e.name, ...e.aliases].map((t) => [t, e])));
function we(e) {
	return Ce.get(e.trim().toLowerCase().replaceAll("-", "_"));
}
// src/math/chain.ts
var Te = class extends Error {};
function Ee(e) {
	return e.trim() === "" ? [] : ke(e.split("|").map(De));
}
function De(e) {
	let [t, n] = e.split("=").map((e) => e.trim());
	if (!t || !n) throw new Te(`a stage is written name=value, got “${e.trim()}”; for example temperature=0.8 | top_p=0.9`);
	let r = we(t);
	if (r === void 0) throw new Te(`the page does not compute “${t}”; it knows ${[...O.keys()].join(", ")}`);
	return {
		name: r.name,
		value: Oe(r, Number(n), n)
	};
}
function Oe(e, t, n = String(t)) {
	if (e.off.includes(t) || t >= e.low && t <= e.high && Number.isFinite(t) && !(e.whole && t % 1)) return t;
	let r = Number.isFinite(e.high) ? `from ${e.low} to ${e.high}` : `of ${e.low} or more`;
	throw new Te(`${e.name} must be a ${e.whole ? "whole " : ""}number ${r}, got ${n}`);
}
function ke(e) {
	let t = e.filter(Ae);
	if (t.filter((e) => e.name === "temperature").length > 1) throw new Te("a chain may hold temperature once; two in a row are one temperature, their product");
	return t;
}
function Ae(e) {
	return !O.get(e.name).off.includes(e.value);
}
function k(e) {
	return e.map((e) => `${e.name}=${e.value}`).join(" | ");
}
function je(e) {
	return e.find((e) => e.name === "temperature")?.value ?? 1;
}
function Me(e, t) {
	let n = {
		name: "temperature",
		value: t
	};
	return e.some((e) => e.name === "temperature") ? e.map((e) => e.name === "temperature" ? n : e) : [n, ...e];
}
function Ne(e, t) {
	return Ae(t) ? O.get(t.name).apply(e, t.value) : e;
}
function Pe(e, t) {
	return t.reduce(Ne, e);
}
function Fe(e, t) {
	let n = de(t), r = n, i = n, a = [];
	for (let t of e) {
		let e = Ne(r, t);
		!O.get(t.name).truncates && t.value !== 0 && (i = Ne(i, t)), a.push({
			stage: t,
			before: r,
			after: e,
			kept: A(e),
			removed: A(r) - A(e),
			keptMass: he(r, e.from, e.to),
			keptMassTotal: he(i, e.from, e.to)
		}), r = e;
	}
	let o = je(e);
	return {
		raw: n,
		tempered: o === 0 ? Ne(n, {
			name: "temperature",
			value: 0
		}) : {
			...n,
			temperature: o
		},
		processed: r,
		stages: a,
		warnings: ze(e, n, a)
	};
}
function A(e) {
	return e.to - e.from;
}
function Ie(e, t) {
	return t >= e.processed.from && t < e.processed.to ? null : e.stages.find(({ after: e }) => t < e.from || t >= e.to)?.stage ?? null;
}
function Le(e) {
	let t = ve(e.raw, .9);
	return he(e.processed, t, e.raw.to);
}
function Re(e) {
	return Math.exp(E(e).entropy);
}
function ze(e, t, n) {
	let r = e.filter((e) => O.get(e.name).truncates), i = Pe(t, e);
	if (je(e) === 0) return r.length === 0 ? [] : [`temperature=0 takes the most likely token in any case, so ${He(r)} cannot change the result.`];
	let a = [];
	for (let o of n) if (r.includes(o.stage)) {
		if (o.removed === 0) {
			let e = o.kept === 1 ? "one token reaches it" : `it keeps all ${Ue(o.kept)} that reach it`;
			a.push(`${Ve(o.stage)} removes nothing here: ${e}.`);
		} else Be(Pe(t, e.filter((e) => e !== o.stage)), i) && a.push(`${Ve(o.stage)} is made moot by the rest: without it the same ${Ue(A(i))} would be kept.`);
	}
	let o = r.map((n) => A(Pe(t, e.filter((e) => e === n || !r.includes(e)))));
	if (r.length > 1 && A(i) < Math.min(...o)) {
		let e = r.map((e, t) => `${Ve(e)} alone keeps ${o[t].toLocaleString("en")}`);
		a.push(`together the stages keep ${Ue(A(i))}, fewer than any of them alone (${e.join(", ")}).`);
	}
	let s = e.findIndex((e) => e.name === "temperature"), c = e.slice(0, Math.max(s, 0)).filter((e) => r.includes(e));
	if (c.length > 0) {
		let n = e[s], r = A(Pe(t, [n, ...e.filter((e) => e !== n)]));
		r !== A(i) && a.push(`${He(c)} comes before ${Ve(n)} and does not see it: ${Ue(A(i))} remain, and would be ${r.toLocaleString("en")} with temperature first.`);
	}
	return r.length > 0 && A(i) === 1 && A(t) > 1 && a.push("one token is left, so every draw here is the greedy token, whatever temperature and seed."), a;
}
function Be(e, t) {
	return e.from === t.from && e.to === t.to;
}
function Ve(e) {
	return `${e.name}=${e.value}`;
}
function He(e) {
	let t = e.map(Ve);
	return t.length < 2 ? t.join("") : `${t.slice(0, -1).join(", ")} and ${t.at(-1)}`;
}
function Ue(e) {
	return `${e.toLocaleString("en")} ${e === 1 ? "token" : "tokens"}`;
}
// src/math/comparison.ts
function We(e, t) {
	let n = new Uint32Array(t).fill(e.length);
	return e.forEach((e, t) => n[e] = t), n;
}
function Ge(e, t, n) {
	let r = We(t.ids, n), i = Math.log(E(e.window).total), a = Math.log(E(t.window).total), o = 0, s = 0, c = 0, l = 0;
	for (let n = e.window.from; n < e.window.to; n++) {
		let u = T(e.window, n) - i, d = Math.exp(u), f = r[e.ids[n]];
		if (f < t.window.from || f >= t.window.to) {
			d > 0 && (o = Infinity), c += .5 * d * Math.LN2, l += d;
			continue;
		}
		let p = T(t.window, f) - a, m = Math.exp(p);
		o += d === 0 ? 0 : d * (u - p), s += m === 0 ? 0 : m * (p - u);
		let h = Math.log((d + m) / 2);
		c += .5 * ((d === 0 ? 0 : d * (u - h)) + (m === 0 ? 0 : m * (p - h))), l += Math.abs(d - m);
	}
	let u = new Uint8Array(n);
	for (let t = e.window.from; t < e.window.to; t++) u[e.ids[t]] = 1;
	for (let e = t.window.from; e < t.window.to; e++) {
		if (u[t.ids[e]]) continue;
		let n = Math.exp(T(t.window, e) - a);
		n > 0 && (s = Infinity), c += .5 * n * Math.LN2, l += n;
	}
	return {
		klForward: Math.max(0, o),
		klReverse: Math.max(0, s),
		jsd: Math.max(0, c),
		totalVariation: l / 2
	};
}
var Ke = .001, qe = 1e3;
function Je(e, t, n, r) {
	let i = We(n, r), a = Math.log(E(e.window).total), o = t[0], s = 0;
	for (let n = e.window.from; n < e.window.to; n++) {
		let r = Math.exp(T(e.window, n) - a), c = i[e.ids[n]];
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
	}, [l, u] = [Math.log(Ke), Math.log(qe)];
	if (c(Ke) <= s) return d(Ke, !0);
	if (c(qe) >= s) return d(qe, !0);
	for (let e = 0; e < 60; e++) {
		let e = (l + u) / 2;
		c(Math.exp(e)) > s ? l = e : u = e;
	}
	return d(Math.exp((l + u) / 2), !1);
	function d(i, a) {
		return {
			temperature: i,
			residual: Ge(e, {
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
var Ye = /* @__PURE__ */ new Map([
	["retort", [
		"temperature",
		"top_k",
		"top_p",
		"min_p"
	]],
	["transformers", [
		"temperature",
		"top_k",
		"top_p",
		"min_p"
	]],
	["vllm", [
		"temperature",
		"min_p",
		"top_k",
		"top_p"
	]],
	["sglang", [
		"temperature",
		"top_k",
		"top_p",
		"min_p"
	]],
	["llama.cpp", [
		"top_k",
		"top_p",
		"min_p",
		"temperature"
	]],
	["mlx-lm", [
		"top_p",
		"min_p",
		"top_k",
		"temperature"
	]]
]);
function Xe(e, t) {
	let n = Ye.get(e) ?? [], r = (e) => n.includes(e) ? n.indexOf(e) : n.length;
	return [...t].sort((e, t) => r(e.name) - r(t.name));
}
// src/math/unpack.ts
var Ze = 64, Qe = 24, $e = 5;
function et(e) {
	let t = it(e.data);
	if (e.encoding === "float64") {
		let n = new DataView(t.buffer);
		return Float64Array.from({ length: e.count }, (e, t) => n.getFloat64(8 * t, !0));
	}
	if (e.encoding !== "rice32") throw Error(`logits are packed as ${e.encoding}, which this page cannot read`);
	return nt(t, e.count);
}
function tt(e) {
	let t = new rt(it(e.data)), n = new Uint32Array(e.count);
	for (let r = 0; r < e.count; r++) n[r] = t.read(e.width);
	return n;
}
function nt(e, t) {
	let n = new rt(e), r = new Float64Array(t), i = /* @__PURE__ */ new Uint32Array(1), a = new Float32Array(i.buffer), o = 4294967295, s = 0;
	for (let e = 0; e < t; e++) {
		e % Ze === 0 && (s = n.read($e));
		let t = n.zeros();
		o -= t === Qe ? n.read(32) : t * 2 ** s + n.read(s), i[0] = o >= 2147483648 ? o - 2147483648 : 4294967295 - o, r[e] = a[0];
	}
	return r;
}
var rt = class {
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
function it(e) {
	let t = atob(e), n = new Uint8Array(t.length);
	for (let e = 0; e < t.length; e++) n[e] = t.charCodeAt(e);
	return n;
}
// src/parts/format.ts
function j(e) {
	if (e === 0) return "0 %";
	if (e >= 1e-4) return `${(100 * e).toFixed(2)} %`;
	let [t, n] = e.toExponential(1).split("e");
	return `${t}·10${st(Number(n))}`;
}
function M(e) {
	if (e == null || Number.isNaN(e)) return "–";
	if (!Number.isFinite(e)) return e > 0 ? "∞" : "−∞";
	let t = Math.abs(e);
	if (t !== 0 && (t < 1e-4 || t >= 1e6)) {
		let [t, n] = e.toExponential(2).split("e");
		return ot(`${t}·10${st(Number(n))}`);
	}
	return ot(t >= 1e3 ? P(e) : String(Number(e.toPrecision(4))));
}
function N(e) {
	return `${M(e)} nats`;
}
function P(e) {
	return ot(Math.round(e).toLocaleString("en"));
}
function at(e) {
	return `${P(e)} ${e === 1 ? "token" : "tokens"}`;
}
function F(e) {
	return String(Number(e.toFixed(4)));
}
function ot(e) {
	return e.replace("-", "−");
}
function st(e) {
	return String(e).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
// src/parts/chainEditor.ts
function ct(e, t, { heat: n }) {
	let r = [], i = _("ol", {
		class: "chain",
		"aria-label": "Chain of stages, in the order in which they apply"
	}), a = _("select", {
		class: "chain-add",
		"aria-label": "Add a stage at the end",
		onchange: () => h(a.value)
	}), o = _("p", {
		class: "error",
		role: "alert"
	}), s = _("div", { class: "chain-editor" }, i, _("div", { class: "chain-tools" }, a), o), c = () => r.map((e) => e.stage), l = () => e(c());
	function u(e) {
		let t = c().filter(Ae);
		if (k(e) === k(t)) return;
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
		let n = [...O.values()].filter((e) => !r.some((t) => t.stage.name === e.name));
		x(a, _("option", { value: "" }, "+ add a stage"), ...n.map((e) => _("option", { value: e.name }, `${e.name}: ${e.help}`))), a.hidden = n.length === 0;
	}
	function f(e, t) {
		e.stage = t, document.activeElement !== e.number && (e.number.value = String(t.value)), e.range.value = String(t.value), e.range.setAttribute("aria-valuetext", `${t.name} ${t.value}`);
	}
	function p(e) {
		let t = O.get(e.name), r = C(e.name), i = _("button", {
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
		}), u = _("p", { class: "effect" }), d = _("button", {
			type: "button",
			class: "quiet remove",
			"aria-label": `Remove ${e.name}`
		}, _("span", { "aria-hidden": "true" }, "×")), p = {
			stage: e,
			item: _("li", {
				class: "stage",
				"data-name": e.name
			}, i, _("label", {
				for: r,
				class: "stage-name",
				title: t.help
			}, e.name), t.name === "temperature" && !n ? null : c, l, d, u),
			handle: i,
			range: c,
			number: l,
			effect: u
		};
		return c.addEventListener("input", () => m(p, t, c.value)), l.addEventListener("input", () => m(p, t, l.value)), l.addEventListener("blur", () => f(p, p.stage)), d.addEventListener("click", () => g(p)), i.addEventListener("keydown", (e) => y(p, e)), b(p), p;
	}
	function m(e, t, n) {
		try {
			if (n.trim() === "") return;
			f(e, {
				name: t.name,
				value: Oe(t, Number(n), n)
			}), e.number.removeAttribute("aria-invalid"), S(o, ""), l();
		} catch (t) {
			e.number.setAttribute("aria-invalid", "true"), S(o, t.message);
		}
	}
	function h(e) {
		let n = we(e);
		if (n === void 0) return;
		let i = p({
			name: n.name,
			value: n.initial
		});
		f(i, i.stage), r.push(i), d(), l(), i.number.focus(), t(`${e} added as stage ${r.length}`);
	}
	function g(e) {
		let n = r.indexOf(e);
		r.splice(n, 1), d(), l(), t(`${e.stage.name} removed`), (r[Math.min(n, r.length - 1)]?.handle ?? a).focus();
	}
	function v(e, n) {
		let i = r.indexOf(e);
		n < 0 || n >= r.length || n === i || (r.splice(i, 1), r.splice(n, 0, e), d(), l(), t(`${e.stage.name} is now stage ${n + 1} of ${r.length}`));
	}
	function y(e, t) {
		let n = r.indexOf(e), i = {
			ArrowUp: n - 1,
			ArrowLeft: n - 1,
			ArrowDown: n + 1,
			ArrowRight: n + 1
		}[t.key];
		if (i !== void 0) v(e, i);
		else if (t.key === "Delete" || t.key === "Backspace") g(e);
		else return;
		t.preventDefault(), e.handle.focus();
	}
	function b(e) {
		e.handle.addEventListener("pointerdown", (t) => {
			if (t.button !== 0) return;
			t.preventDefault(), e.handle.focus(), e.handle.setPointerCapture(t.pointerId), e.item.classList.add("dragged");
			let n = (t) => {
				let n = r.findIndex(({ item: e }) => {
					let n = e.getBoundingClientRect();
					return t.clientY >= n.top && t.clientY < n.bottom;
				});
				n >= 0 && v(e, n);
			}, i = () => {
				e.item.classList.remove("dragged"), e.handle.removeEventListener("pointermove", n), e.handle.removeEventListener("pointerup", i), e.handle.removeEventListener("pointercancel", i);
			};
			e.handle.addEventListener("pointermove", n), e.handle.addEventListener("pointerup", i), e.handle.addEventListener("pointercancel", i);
		});
	}
	function ee(e) {
		for (let t of r) {
			let n = e.find((e) => e.stage.name === t.stage.name);
			S(t.effect, n === void 0 ? "off" : lt(n));
		}
	}
	return d(), {
		element: s,
		show: u,
		report: ee
	};
}
function lt(e) {
	return !O.get(e.stage.name).truncates && e.removed === 0 ? e.stage.value === 1 ? "leaves the model as it is" : e.stage.value < 1 ? "sharpens" : "flattens" : `keeps ${P(e.kept)}, removes ${P(e.removed)}; keeps ${j(e.keptMass)} of the mass that came in`;
}
// src/parts/frame.ts
function ut(e) {
	let t = !1;
	return () => {
		t || (t = !0, requestAnimationFrame(() => {
			t = !1, e();
		}));
	};
}
function dt(e, t, n) {
	let r = 0, i = new ResizeObserver(([i]) => {
		let a = Math.max(280, Math.round(i.contentRect.width));
		a !== r && i.contentRect.width !== 0 && (r = a, e.setAttribute("viewBox", `0 0 ${a} ${t}`), n(a));
	});
	return i.observe(e), () => i.disconnect();
}
// src/parts/tokens.ts
var ft = {
	" ": ["␣", "space"],
	"\n": ["↵", "line break"],
	"	": ["⇥", "tab"],
	"\r": ["␍", "carriage return"],
	"\xA0": ["⍽", "no-break space"],
	"　": ["□", "wide space"]
}, pt = /<0x([0-9A-F]{2})>/, mt = /^<(?:\||\/)?[A-Za-z][\w .|/-]*(?:\|)?>$/, ht = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}\p{Co}\p{Cn}\p{Cs}]|[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\u{e0000}-\u{e0fff}]/u, gt = /[\u200d\ufe0f]/, _t = /\p{Extended_Pictographic}/u;
function vt(e) {
	return e === "" ? [{
		text: "∅",
		kind: "sign",
		spoken: "empty"
	}] : mt.test(e) && !pt.test(e) ? [{
		text: e,
		kind: "marker",
		spoken: `marker ${e}`
	}] : e.split(/(<0x[0-9A-F]{2}>)/).flatMap((e) => {
		let t = pt.exec(e);
		return t ? [{
			text: `⟨${t[1]}⟩`,
			kind: "byte",
			spoken: `byte ${t[1]}`
		}] : yt(e);
	});
}
function yt(e) {
	let t = [], n = [...e];
	return n.forEach((e, r) => {
		let i = ft[e];
		if (i) t.push({
			text: i[0],
			kind: "sign",
			spoken: i[1]
		});
		else if (ht.test(e) || gt.test(e) && !bt(n, r)) {
			let n = e.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
			t.push({
				text: `⟨U+${n}⟩`,
				kind: "byte",
				spoken: `character U+${n}`
			});
		} else {
			let n = t.at(-1), r = /\p{M}/u.test(e) && !gt.test(e) && n?.kind !== "plain" ? `◌${e}` : e;
			n?.kind === "plain" ? (n.text += r, n.spoken += e) : t.push({
				text: r,
				kind: "plain",
				spoken: e
			});
		}
	}), t;
}
function bt(e, t) {
	return t > 0 && (_t.test(e[t - 1]) || gt.test(e[t - 1]) || /\p{Emoji_Modifier}/u.test(e[t - 1]));
}
function I(e) {
	return _("bdi", { class: "token" }, ...vt(e).map((e) => e.kind === "plain" ? e.text : _("span", { class: `piece-${e.kind}` }, e.text)));
}
function xt(e) {
	return vt(e).map((e) => e.text).join("");
}
function St(e) {
	return vt(e).map((e) => e.spoken).join(" ");
}
// src/views/compare.ts
var Ct = 18;
function wt(e, t) {
	let { state: n, announce: r } = t, i = Math.max(e.a.vocabulary, e.b.vocabulary), a = [Tt("A", "chain_a", e.a, i), Tt("B", "chain_b", e.b, i)], o = a.map((e) => m(e)), s = _("dl", { class: "measures" }), c = _("tbody"), l = _("p", {
		class: "note",
		hidden: e.comparable
	}, "The two models have different vocabularies: their distributions are shown, and no distance between them is given."), u = Nt(), d = ut(h), f = null;
	function p(e) {
		try {
			return Ee(n.get(e.key) ?? e.record.chain);
		} catch {
			return Ee(e.record.chain);
		}
	}
	function m(e) {
		let t = (t) => n.set(e.key, k(t.filter(Ae)) || " "), i = ct(t, r, { heat: !0 }), a = _("select", {
			"aria-label": `${e.name}: order of the stages as in an engine`,
			onchange: () => {
				a.value && t(Xe(a.value, p(e))), a.value = "";
			}
		});
		x(a, _("option", { value: "" }, "order as in …"), ...[...Ye.keys()].map((e) => _("option", { value: e }, e)));
		let o = _("p", { class: "meta" });
		return {
			element: _("section", {
				class: `card side-${e.name.toLowerCase()}`,
				"aria-label": e.name
			}, _("h2", {}, _("span", { class: `side-mark mark-${e.name.toLowerCase()}` }, e.name), ` ${e.record.model}`), _("p", {
				class: "tokens side-prompt",
				dir: "auto"
			}, ...e.record.prompt_tokens.map(I)), i.element, _("p", { class: "chain-tools" }, a), o),
			show(t) {
				i.show(p(e)), i.report(t.stages);
				let { processed: n } = t;
				S(o, `${P(A(n))} tokens can come; entropy ${N(E(n).entropy)}, effective support ${M(Re(n))} tokens`);
			}
		};
	}
	function h() {
		let [t, n] = [Fe(p(a[0]), a[0].logits), Fe(p(a[1]), a[1].logits)];
		f = [t, n], o[0].show(t), o[1].show(n);
		let r = e.comparable ? Et(a, t, n) : Ot(a, t, n), l = Math.max(...r.map((e) => Math.max(e.a, e.b)), 1e-12);
		x(c, ...r.map((e) => kt(e, l))), u.draw(r), x(s, ...e.comparable ? At(a, t, n, i) : []);
	}
	let g = n.listen((e) => (e === "chain_a" || e === "chain_b") && d()), v = _("div", {}, l, _("div", { class: "two" }, o[0].element, o[1].element), _("section", {
		class: "card",
		"aria-label": "The two processed distributions"
	}, s, _("div", { class: "scroll" }, _("table", { class: "bars pair" }, _("caption", { class: "sr" }, "Processed probability of each token in A and in B"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
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
			json: () => Pt(e, a, f, i),
			csv: () => [[
				"token",
				"prob_a",
				"prob_b"
			], ...(e.comparable ? Et(a, ...f, 500) : Ot(a, ...f)).map((e) => [
				e.token,
				e.a,
				e.b
			])],
			svg: () => u.element
		}
	};
}
function Tt(e, t, n, r) {
	let i = tt(n.rank_ids);
	return {
		name: e,
		key: t,
		record: n,
		ids: i,
		logits: et(n.logits),
		ranks: We(i, r),
		names: new Map(n.ids.map((e, t) => [e, n.tokens[t]]))
	};
}
function Et([e, t], n, r, i = Ct) {
	return [.../* @__PURE__ */ new Set([...Dt(e, n, i), ...Dt(t, r, i)])].map((i) => {
		let [a, o] = [e.ranks[i], t.ranks[i]];
		return {
			token: e.names.get(i) ?? t.names.get(i) ?? `#${i}`,
			a: a < e.logits.length ? D(n.processed, a) : 0,
			b: o < t.logits.length ? D(r.processed, o) : 0,
			removedA: Ie(n, a)?.name ?? null,
			removedB: Ie(r, o)?.name ?? null
		};
	}).sort((e, t) => Math.max(t.a, t.b) - Math.max(e.a, e.b)).slice(0, i);
}
function Dt(e, t, n) {
	let { from: r, to: i } = t.processed;
	return [...e.ids.subarray(r, Math.min(i, r + n)), ...e.ids.subarray(0, Math.min(4, e.ids.length))];
}
function Ot([e, t], n, r) {
	let i = /* @__PURE__ */ new Map(), a = (e, t, n) => {
		for (let r = 0; r < Math.min(Ct, e.record.tokens.length); r++) {
			let a = e.record.tokens[r], o = i.get(a) ?? {
				token: a,
				a: 0,
				b: 0,
				removedA: null,
				removedB: null
			};
			o[n] = D(t.processed, r), i.set(a, o);
		}
	};
	return a(e, n, "a"), a(t, r, "b"), [...i.values()].sort((e, t) => Math.max(t.a, t.b) - Math.max(e.a, e.b)).slice(0, Ct);
}
function kt(e, t) {
	let [n, r] = [_("span", { class: "bar bar-a" }), _("span", { class: "bar bar-b" })];
	n.style.transform = `scaleX(${e.a / t})`, r.style.transform = `scaleX(${e.b / t})`;
	let i = (e, t, n) => _("td", {
		class: `figure ink-${n}`,
		"data-value": e,
		title: t ? `removed by ${t}` : null
	}, t ? _("small", {}, `− ${t}`) : j(e));
	return _("tr", {}, _("th", {
		scope: "row",
		class: "token-cell"
	}, I(e.token)), i(e.a, e.removedA, "a"), i(e.b, e.removedB, "b"), _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, n, r)));
}
function At(e, t, n, r) {
	let [i, a] = e, o = Ge({
		window: t.processed,
		ids: i.ids
	}, {
		window: n.processed,
		ids: a.ids
	}, r), s = Je({
		window: t.tempered,
		ids: i.ids
	}, a.logits, a.ids, r);
	return [
		[
			"kl-forward",
			"KL(A ‖ B)",
			"nats",
			o.klForward,
			M(o.klForward)
		],
		[
			"kl-reverse",
			"KL(B ‖ A)",
			"nats",
			o.klReverse,
			M(o.klReverse)
		],
		[
			"jsd",
			"Jensen-Shannon",
			"nats, at most ln 2",
			o.jsd,
			M(o.jsd)
		],
		[
			"tv",
			"total variation",
			"0 same, 1 disjoint",
			o.totalVariation,
			M(o.totalVariation)
		],
		[
			"equivalent",
			"equivalent temperature",
			"τ at which B, whole, is nearest to A, tempered",
			s?.temperature ?? NaN,
			s === null ? "none" : `${F(s.temperature)}${s.atBound ? " (a limit)" : ""}, ${N(s.residual)} left`
		]
	].map(([e, t, n, r, i]) => _("div", { class: "measure" }, _("dt", {}, t, " ", _("small", {}, n)), _("dd", {}, _("b", {
		"data-measure": e,
		"data-value": r
	}, i))));
}
var jt = 300, Mt = 1e-6;
function Nt() {
	let e = v("g"), t = v("title"), n = v("svg", {
		viewBox: `0 0 640 ${jt}`,
		class: "chart pair-chart",
		role: "img"
	}, t, e), r = 640, i = [], a = dt(n, jt, (e) => {
		r = e, s(i);
	}), o = (e, t, n) => t + (n - t) * Math.log(Math.max(e, Mt) / Mt) / Math.log(1 / Mt);
	function s(n) {
		i = n;
		let [a, s, c, l] = [
			66,
			r - 20,
			270,
			14
		];
		S(t, `Probability in A across, in B up: ${n.slice(0, 8).map((e) => `${xt(e.token)} ${j(e.a)} and ${j(e.b)}`).join("; ")}`), x(e, ...[
			1,
			.01,
			1e-4,
			1e-6
		].flatMap((e) => [
			v("line", {
				class: "grid",
				x1: a,
				x2: s,
				y1: o(e, c, l),
				y2: o(e, c, l)
			}),
			v("text", {
				x: a - 6,
				y: o(e, c, l) + 4,
				"text-anchor": "end"
			}, e === Mt ? "0" : j(e)),
			v("text", {
				x: o(e, a, s),
				y: 286,
				"text-anchor": "middle"
			}, e === Mt ? "0" : j(e))
		]), v("line", {
			class: "cut",
			x1: a,
			y1: c,
			x2: s,
			y2: l
		}), ...n.map((e) => v("circle", {
			class: e.a >= e.b ? "dot-a" : "dot-b",
			cx: o(e.a, a, s),
			cy: o(e.b, c, l),
			r: 4
		}, v("title", {}, xt(e.token)))), ...n.slice(0, 10).map((e) => v("text", {
			class: "dot-label",
			x: o(e.a, a, s) + 7,
			y: o(e.b, c, l) + 4
		}, xt(e.token).slice(0, 14))), v("text", {
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
}
function Pt(e, t, n, r) {
	let [i, a] = n;
	return {
		a: {
			model: e.a.model,
			prompt: e.a.prompt,
			chain: k(i.stages.map((e) => e.stage))
		},
		b: {
			model: e.b.model,
			prompt: e.b.prompt,
			chain: k(a.stages.map((e) => e.stage))
		},
		comparable: e.comparable,
		distances: e.comparable ? Ge({
			window: i.processed,
			ids: t[0].ids
		}, {
			window: a.processed,
			ids: t[1].ids
		}, r) : null,
		tokens: e.comparable ? Et(t, i, a, 200) : Ot(t, i, a)
	};
}
// node_modules/d3-array/src/ascending.js
function Ft(e, t) {
	return e == null || t == null ? NaN : e < t ? -1 : e > t ? 1 : e >= t ? 0 : NaN;
}
// node_modules/d3-array/src/descending.js
function It(e, t) {
	return e == null || t == null ? NaN : t < e ? -1 : t > e ? 1 : t >= e ? 0 : NaN;
}
// node_modules/d3-array/src/bisector.js
function Lt(e) {
	let t, n, r;
	e.length === 2 ? (t = e === Ft || e === It ? e : Rt, n = e, r = e) : (t = Ft, n = (t, n) => Ft(e(t), n), r = (t, n) => e(t) - n);
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
function Rt() {
	return 0;
}
// node_modules/d3-array/src/number.js
function zt(e) {
	return e === null ? NaN : +e;
}
// node_modules/d3-array/src/bisect.js
var Bt = Lt(Ft), Vt = Bt.right;
Bt.left, Lt(zt).center;
// node_modules/d3-array/src/ticks.js
var Ht = Math.sqrt(50), Ut = Math.sqrt(10), Wt = Math.sqrt(2);
function Gt(e, t, n) {
	let r = (t - e) / Math.max(0, n), i = Math.floor(Math.log10(r)), a = r / 10 ** i, o = a >= Ht ? 10 : a >= Ut ? 5 : a >= Wt ? 2 : 1, s, c, l;
	return i < 0 ? (l = 10 ** -i / o, s = Math.round(e * l), c = Math.round(t * l), s / l < e && ++s, c / l > t && --c, l = -l) : (l = 10 ** i * o, s = Math.round(e / l), c = Math.round(t / l), s * l < e && ++s, c * l > t && --c), c < s && .5 <= n && n < 2 ? Gt(e, t, n * 2) : [
		s,
		c,
		l
	];
}
function Kt(e, t, n) {
	if (t = +t, e = +e, n = +n, !(n > 0)) return [];
	if (e === t) return [e];
	let r = t < e, [i, a, o] = r ? Gt(t, e, n) : Gt(e, t, n);
	if (!(a >= i)) return [];
	let s = a - i + 1, c = Array(s);
	if (r) {
		if (o < 0) for (let e = 0; e < s; ++e) c[e] = (a - e) / -o;
		else for (let e = 0; e < s; ++e) c[e] = (a - e) * o;
	} else if (o < 0) for (let e = 0; e < s; ++e) c[e] = (i + e) / -o;
	else for (let e = 0; e < s; ++e) c[e] = (i + e) * o;
	return c;
}
function qt(e, t, n) {
	return t = +t, e = +e, n = +n, Gt(e, t, n)[2];
}
function Jt(e, t, n) {
	t = +t, e = +e, n = +n;
	let r = t < e, i = r ? qt(t, e, n) : qt(e, t, n);
	return (r ? -1 : 1) * (i < 0 ? 1 / -i : i);
}
// node_modules/d3-scale/src/init.js
function Yt(e, t) {
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
function L(e, t, n) {
	e.prototype = t.prototype = n, n.constructor = e;
}
function Xt(e, t) {
	var n = Object.create(e.prototype);
	for (var r in t) n[r] = t[r];
	return n;
}
function R() {}
var z = .7, B = 1 / z, V = "\\s*([+-]?\\d+)\\s*", Zt = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)\\s*", H = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)%\\s*", Qt = /^#([0-9a-f]{3,8})$/, $t = RegExp(`^rgb\\(${V},${V},${V}\\)$`), en = RegExp(`^rgb\\(${H},${H},${H}\\)$`), tn = RegExp(`^rgba\\(${V},${V},${V},${Zt}\\)$`), nn = RegExp(`^rgba\\(${H},${H},${H},${Zt}\\)$`), rn = RegExp(`^hsl\\(${Zt},${H},${H}\\)$`), an = RegExp(`^hsla\\(${Zt},${H},${H},${Zt}\\)$`), on = {
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
L(R, dn, {
	copy(e) {
		return Object.assign(new this.constructor(), this, e);
	},
	displayable() {
		return this.rgb().displayable();
	},
	hex: sn,
	formatHex: sn,
	formatHex8: cn,
	formatHsl: ln,
	formatRgb: un,
	toString: un
});
function sn() {
	return this.rgb().formatHex();
}
function cn() {
	return this.rgb().formatHex8();
}
function ln() {
	return xn(this).formatHsl();
}
function un() {
	return this.rgb().formatRgb();
}
function dn(e) {
	var t, n;
	return e = (e + "").trim().toLowerCase(), (t = Qt.exec(e)) ? (n = t[1].length, t = parseInt(t[1], 16), n === 6 ? fn(t) : n === 3 ? new U(t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, (t & 15) << 4 | t & 15, 1) : n === 8 ? pn(t >> 24 & 255, t >> 16 & 255, t >> 8 & 255, (t & 255) / 255) : n === 4 ? pn(t >> 12 & 15 | t >> 8 & 240, t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, ((t & 15) << 4 | t & 15) / 255) : null) : (t = $t.exec(e)) ? new U(t[1], t[2], t[3], 1) : (t = en.exec(e)) ? new U(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, 1) : (t = tn.exec(e)) ? pn(t[1], t[2], t[3], t[4]) : (t = nn.exec(e)) ? pn(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, t[4]) : (t = rn.exec(e)) ? bn(t[1], t[2] / 100, t[3] / 100, 1) : (t = an.exec(e)) ? bn(t[1], t[2] / 100, t[3] / 100, t[4]) : on.hasOwnProperty(e) ? fn(on[e]) : e === "transparent" ? new U(NaN, NaN, NaN, 0) : null;
}
function fn(e) {
	return new U(e >> 16 & 255, e >> 8 & 255, e & 255, 1);
}
function pn(e, t, n, r) {
	return r <= 0 && (e = t = n = NaN), new U(e, t, n, r);
}
function mn(e) {
	return e instanceof R || (e = dn(e)), e ? (e = e.rgb(), new U(e.r, e.g, e.b, e.opacity)) : new U();
}
function hn(e, t, n, r) {
	return arguments.length === 1 ? mn(e) : new U(e, t, n, r ?? 1);
}
function U(e, t, n, r) {
	this.r = +e, this.g = +t, this.b = +n, this.opacity = +r;
}
L(U, hn, Xt(R, {
	brighter(e) {
		return e = e == null ? B : B ** +e, new U(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? z : z ** +e, new U(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	rgb() {
		return this;
	},
	clamp() {
		return new U(W(this.r), W(this.g), W(this.b), yn(this.opacity));
	},
	displayable() {
		return -.5 <= this.r && this.r < 255.5 && -.5 <= this.g && this.g < 255.5 && -.5 <= this.b && this.b < 255.5 && 0 <= this.opacity && this.opacity <= 1;
	},
	hex: gn,
	formatHex: gn,
	formatHex8: _n,
	formatRgb: vn,
	toString: vn
}));
function gn() {
	return `#${G(this.r)}${G(this.g)}${G(this.b)}`;
}
function _n() {
	return `#${G(this.r)}${G(this.g)}${G(this.b)}${G((isNaN(this.opacity) ? 1 : this.opacity) * 255)}`;
}
function vn() {
	let e = yn(this.opacity);
	return `${e === 1 ? "rgb(" : "rgba("}${W(this.r)}, ${W(this.g)}, ${W(this.b)}${e === 1 ? ")" : `, ${e})`}`;
}
function yn(e) {
	return isNaN(e) ? 1 : Math.max(0, Math.min(1, e));
}
function W(e) {
	return Math.max(0, Math.min(255, Math.round(e) || 0));
}
function G(e) {
	return e = W(e), (e < 16 ? "0" : "") + e.toString(16);
}
function bn(e, t, n, r) {
	return r <= 0 ? e = t = n = NaN : n <= 0 || n >= 1 ? e = t = NaN : t <= 0 && (e = NaN), new K(e, t, n, r);
}
function xn(e) {
	if (e instanceof K) return new K(e.h, e.s, e.l, e.opacity);
	if (e instanceof R || (e = dn(e)), !e) return new K();
	if (e instanceof K) return e;
	e = e.rgb();
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = Math.min(t, n, r), a = Math.max(t, n, r), o = NaN, s = a - i, c = (a + i) / 2;
	return s ? (o = t === a ? (n - r) / s + (n < r) * 6 : n === a ? (r - t) / s + 2 : (t - n) / s + 4, s /= c < .5 ? a + i : 2 - a - i, o *= 60) : s = c > 0 && c < 1 ? 0 : o, new K(o, s, c, e.opacity);
}
function Sn(e, t, n, r) {
	return arguments.length === 1 ? xn(e) : new K(e, t, n, r ?? 1);
}
function K(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
L(K, Sn, Xt(R, {
	brighter(e) {
		return e = e == null ? B : B ** +e, new K(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? z : z ** +e, new K(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = this.h % 360 + (this.h < 0) * 360, t = isNaN(e) || isNaN(this.s) ? 0 : this.s, n = this.l, r = n + (n < .5 ? n : 1 - n) * t, i = 2 * n - r;
		return new U(Tn(e >= 240 ? e - 240 : e + 120, i, r), Tn(e, i, r), Tn(e < 120 ? e + 240 : e - 120, i, r), this.opacity);
	},
	clamp() {
		return new K(Cn(this.h), wn(this.s), wn(this.l), yn(this.opacity));
	},
	displayable() {
		return (0 <= this.s && this.s <= 1 || isNaN(this.s)) && 0 <= this.l && this.l <= 1 && 0 <= this.opacity && this.opacity <= 1;
	},
	formatHsl() {
		let e = yn(this.opacity);
		return `${e === 1 ? "hsl(" : "hsla("}${Cn(this.h)}, ${wn(this.s) * 100}%, ${wn(this.l) * 100}%${e === 1 ? ")" : `, ${e})`}`;
	}
}));
function Cn(e) {
	return e = (e || 0) % 360, e < 0 ? e + 360 : e;
}
function wn(e) {
	return Math.max(0, Math.min(1, e || 0));
}
function Tn(e, t, n) {
	return (e < 60 ? t + (n - t) * e / 60 : e < 180 ? n : e < 240 ? t + (n - t) * (240 - e) / 60 : t) * 255;
}
var En = Math.PI / 180, Dn = 180 / Math.PI, On = 18, kn = .96422, An = 1, jn = .82521, Mn = 4 / 29, Nn = 6 / 29, Pn = 3 * Nn * Nn, Fn = Nn * Nn * Nn;
function In(e) {
	if (e instanceof q) return new q(e.l, e.a, e.b, e.opacity);
	if (e instanceof J) return Wn(e);
	e instanceof U || (e = mn(e));
	var t = Vn(e.r), n = Vn(e.g), r = Vn(e.b), i = Rn((.2225045 * t + .7168786 * n + .0606169 * r) / An), a, o;
	return t === n && n === r ? a = o = i : (a = Rn((.4360747 * t + .3850649 * n + .1430804 * r) / kn), o = Rn((.0139322 * t + .0971045 * n + .7141733 * r) / jn)), new q(116 * i - 16, 500 * (a - i), 200 * (i - o), e.opacity);
}
function Ln(e, t, n, r) {
	return arguments.length === 1 ? In(e) : new q(e, t, n, r ?? 1);
}
function q(e, t, n, r) {
	this.l = +e, this.a = +t, this.b = +n, this.opacity = +r;
}
L(q, Ln, Xt(R, {
	brighter(e) {
		return new q(this.l + On * (e ?? 1), this.a, this.b, this.opacity);
	},
	darker(e) {
		return new q(this.l - On * (e ?? 1), this.a, this.b, this.opacity);
	},
	rgb() {
		var e = (this.l + 16) / 116, t = isNaN(this.a) ? e : e + this.a / 500, n = isNaN(this.b) ? e : e - this.b / 200;
		return t = kn * zn(t), e = An * zn(e), n = jn * zn(n), new U(Bn(3.1338561 * t - 1.6168667 * e - .4906146 * n), Bn(-.9787684 * t + 1.9161415 * e + .033454 * n), Bn(.0719453 * t - .2289914 * e + 1.4052427 * n), this.opacity);
	}
}));
function Rn(e) {
	return e > Fn ? e ** (1 / 3) : e / Pn + Mn;
}
function zn(e) {
	return e > Nn ? e * e * e : Pn * (e - Mn);
}
function Bn(e) {
	return 255 * (e <= .0031308 ? 12.92 * e : 1.055 * e ** (1 / 2.4) - .055);
}
function Vn(e) {
	return (e /= 255) <= .04045 ? e / 12.92 : ((e + .055) / 1.055) ** 2.4;
}
function Hn(e) {
	if (e instanceof J) return new J(e.h, e.c, e.l, e.opacity);
	if (e instanceof q || (e = In(e)), e.a === 0 && e.b === 0) return new J(NaN, 0 < e.l && e.l < 100 ? 0 : NaN, e.l, e.opacity);
	var t = Math.atan2(e.b, e.a) * Dn;
	return new J(t < 0 ? t + 360 : t, Math.sqrt(e.a * e.a + e.b * e.b), e.l, e.opacity);
}
function Un(e, t, n, r) {
	return arguments.length === 1 ? Hn(e) : new J(e, t, n, r ?? 1);
}
function J(e, t, n, r) {
	this.h = +e, this.c = +t, this.l = +n, this.opacity = +r;
}
function Wn(e) {
	if (isNaN(e.h)) return new q(e.l, 0, 0, e.opacity);
	var t = e.h * En;
	return new q(e.l, Math.cos(t) * e.c, Math.sin(t) * e.c, e.opacity);
}
L(J, Un, Xt(R, {
	brighter(e) {
		return new J(this.h, this.c, this.l + On * (e ?? 1), this.opacity);
	},
	darker(e) {
		return new J(this.h, this.c, this.l - On * (e ?? 1), this.opacity);
	},
	rgb() {
		return Wn(this).rgb();
	}
}));
var Gn = -.14861, Kn = 1.78277, qn = -.29227, Jn = -.90649, Yn = 1.97294, Xn = Yn * Jn, Zn = Yn * Kn, Qn = Kn * qn - Jn * Gn;
function $n(e) {
	if (e instanceof Y) return new Y(e.h, e.s, e.l, e.opacity);
	e instanceof U || (e = mn(e));
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = (Qn * r + Xn * t - Zn * n) / (Qn + Xn - Zn), a = r - i, o = (Yn * (n - i) - qn * a) / Jn, s = Math.sqrt(o * o + a * a) / (Yn * i * (1 - i)), c = s ? Math.atan2(o, a) * Dn - 120 : NaN;
	return new Y(c < 0 ? c + 360 : c, s, i, e.opacity);
}
function er(e, t, n, r) {
	return arguments.length === 1 ? $n(e) : new Y(e, t, n, r ?? 1);
}
function Y(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
L(Y, er, Xt(R, {
	brighter(e) {
		return e = e == null ? B : B ** +e, new Y(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? z : z ** +e, new Y(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = isNaN(this.h) ? 0 : (this.h + 120) * En, t = +this.l, n = isNaN(this.s) ? 0 : this.s * t * (1 - t), r = Math.cos(e), i = Math.sin(e);
		return new U(255 * (t + n * (Gn * r + Kn * i)), 255 * (t + n * (qn * r + Jn * i)), 255 * (t + Yn * r * n), this.opacity);
	}
}));
var tr = (e) => () => e;
function nr(e, t) {
	return function(n) {
		return e + n * t;
	};
}
function rr(e, t, n) {
	return e **= +n, t = t ** +n - e, n = 1 / n, function(r) {
		return (e + r * t) ** +n;
	};
}
function ir(e, t) {
	var n = t - e;
	return n ? nr(e, n > 180 || n < -180 ? n - 360 * Math.round(n / 360) : n) : tr(isNaN(e) ? t : e);
}
function ar(e) {
	return (e = +e) == 1 ? or : function(t, n) {
		return n - t ? rr(t, n, e) : tr(isNaN(t) ? n : t);
	};
}
function or(e, t) {
	var n = t - e;
	return n ? nr(e, n) : tr(isNaN(e) ? t : e);
}
var sr = (function e(t) {
	var n = ar(t);
	function r(e, t) {
		var r = n((e = hn(e)).r, (t = hn(t)).r), i = n(e.g, t.g), a = n(e.b, t.b), o = or(e.opacity, t.opacity);
		return function(t) {
			return e.r = r(t), e.g = i(t), e.b = a(t), e.opacity = o(t), e + "";
		};
	}
	return r.gamma = e, r;
})(1);
function cr(e, t) {
	t ||= [];
	var n = e ? Math.min(t.length, e.length) : 0, r = t.slice(), i;
	return function(a) {
		for (i = 0; i < n; ++i) r[i] = e[i] * (1 - a) + t[i] * a;
		return r;
	};
}
function lr(e) {
	return ArrayBuffer.isView(e) && !(e instanceof DataView);
}
function ur(e, t) {
	for (var n = t ? t.length : 0, r = e ? Math.min(n, e.length) : 0, i = Array(r), a = Array(n), o = 0; o < r; ++o) i[o] = yr(e[o], t[o]);
	for (; o < n; ++o) a[o] = t[o];
	return function(e) {
		for (o = 0; o < r; ++o) a[o] = i[o](e);
		return a;
	};
}
function dr(e, t) {
	var n = /* @__PURE__ */ new Date();
	return e = +e, t = +t, function(r) {
		return n.setTime(e * (1 - r) + t * r), n;
	};
}
function fr(e, t) {
	return e = +e, t = +t, function(n) {
		return e * (1 - n) + t * n;
	};
}
function pr(e, t) {
	var n = {}, r = {}, i;
	for (i in typeof e == "object" && e || (e = {}), typeof t == "object" && t || (t = {}), t) i in e ? n[i] = yr(e[i], t[i]) : r[i] = t[i];
	return function(e) {
		for (i in n) r[i] = n[i](e);
		return r;
	};
}
var mr = /[-+]?(?:\d+\.?\d*|\.?\d+)(?:[eE][-+]?\d+)?/g, hr = new RegExp(mr.source, "g");
function gr(e) {
	return function() {
		return e;
	};
}
function _r(e) {
	return function(t) {
		return e(t) + "";
	};
}
function vr(e, t) {
	var n = mr.lastIndex = hr.lastIndex = 0, r, i, a, o = -1, s = [], c = [];
	for (e += "", t += ""; (r = mr.exec(e)) && (i = hr.exec(t));) (a = i.index) > n && (a = t.slice(n, a), s[o] ? s[o] += a : s[++o] = a), (r = r[0]) === (i = i[0]) ? s[o] ? s[o] += i : s[++o] = i : (s[++o] = null, c.push({
		i: o,
		x: fr(r, i)
	})), n = hr.lastIndex;
	return n < t.length && (a = t.slice(n), s[o] ? s[o] += a : s[++o] = a), s.length < 2 ? c[0] ? _r(c[0].x) : gr(t) : (t = c.length, function(e) {
		for (var n = 0, r; n < t; ++n) s[(r = c[n]).i] = r.x(e);
		return s.join("");
	});
}
function yr(e, t) {
	var n = typeof t, r;
	return t == null || n === "boolean" ? tr(t) : (n === "number" ? fr : n === "string" ? (r = dn(t)) ? (t = r, sr) : vr : t instanceof dn ? sr : t instanceof Date ? dr : lr(t) ? cr : Array.isArray(t) ? ur : typeof t.valueOf != "function" && typeof t.toString != "function" || isNaN(t) ? pr : fr)(e, t);
}
function br(e, t) {
	return e = +e, t = +t, function(n) {
		return Math.round(e * (1 - n) + t * n);
	};
}
var xr = 1e-12;
function Sr(e) {
	return ((e = Math.exp(e)) + 1 / e) / 2;
}
function Cr(e) {
	return ((e = Math.exp(e)) - 1 / e) / 2;
}
function wr(e) {
	return ((e = Math.exp(2 * e)) - 1) / (e + 1);
}
(function e(t, n, r) {
	function i(e, i) {
		var a = e[0], o = e[1], s = e[2], c = i[0], l = i[1], u = i[2], d = c - a, f = l - o, p = d * d + f * f, m, h;
		if (p < xr) h = Math.log(u / s) / t, m = function(e) {
			return [
				a + e * d,
				o + e * f,
				s * Math.exp(t * e * h)
			];
		};
		else {
			var g = Math.sqrt(p), _ = (u * u - s * s + r * p) / (2 * s * n * g), v = (u * u - s * s - r * p) / (2 * u * n * g), y = Math.log(Math.sqrt(_ * _ + 1) - _);
			h = (Math.log(Math.sqrt(v * v + 1) - v) - y) / t, m = function(e) {
				var r = e * h, i = Sr(y), c = s / (n * g) * (i * wr(t * r + y) - Cr(y));
				return [
					a + c * d,
					o + c * f,
					s * i / Sr(t * r + y)
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
function Tr(e) {
	return (function t(n) {
		n = +n;
		function r(t, r) {
			var i = e((t = er(t)).h, (r = er(r)).h), a = or(t.s, r.s), o = or(t.l, r.l), s = or(t.opacity, r.opacity);
			return function(e) {
				return t.h = i(e), t.s = a(e), t.l = o(e ** +n), t.opacity = s(e), t + "";
			};
		}
		return r.gamma = t, r;
	})(1);
}
Tr(ir), Tr(or);
// node_modules/d3-scale/src/constant.js
function Er(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-scale/src/number.js
function Dr(e) {
	return +e;
}
// node_modules/d3-scale/src/continuous.js
var Or = [0, 1];
function kr(e) {
	return e;
}
function Ar(e, t) {
	return (t -= e = +e) ? function(n) {
		return (n - e) / t;
	} : Er(isNaN(t) ? NaN : .5);
}
function jr(e, t) {
	var n;
	return e > t && (n = e, e = t, t = n), function(n) {
		return Math.max(e, Math.min(t, n));
	};
}
function Mr(e, t, n) {
	var r = e[0], i = e[1], a = t[0], o = t[1];
	return i < r ? (r = Ar(i, r), a = n(o, a)) : (r = Ar(r, i), a = n(a, o)), function(e) {
		return a(r(e));
	};
}
function Nr(e, t, n) {
	var r = Math.min(e.length, t.length) - 1, i = Array(r), a = Array(r), o = -1;
	for (e[r] < e[0] && (e = e.slice().reverse(), t = t.slice().reverse()); ++o < r;) i[o] = Ar(e[o], e[o + 1]), a[o] = n(t[o], t[o + 1]);
	return function(t) {
		var n = Vt(e, t, 1, r) - 1;
		return a[n](i[n](t));
	};
}
function Pr(e, t) {
	return t.domain(e.domain()).range(e.range()).interpolate(e.interpolate()).clamp(e.clamp()).unknown(e.unknown());
}
function Fr() {
	var e = Or, t = Or, n = yr, r, i, a, o = kr, s, c, l;
	function u() {
		var n = Math.min(e.length, t.length);
		return o !== kr && (o = jr(e[0], e[n - 1])), s = n > 2 ? Nr : Mr, c = l = null, d;
	}
	function d(i) {
		return i == null || isNaN(i = +i) ? a : (c ||= s(e.map(r), t, n))(r(o(i)));
	}
	return d.invert = function(n) {
		return o(i((l ||= s(t, e.map(r), fr))(n)));
	}, d.domain = function(t) {
		return arguments.length ? (e = Array.from(t, Dr), u()) : e.slice();
	}, d.range = function(e) {
		return arguments.length ? (t = Array.from(e), u()) : t.slice();
	}, d.rangeRound = function(e) {
		return t = Array.from(e), n = br, u();
	}, d.clamp = function(e) {
		return arguments.length ? (o = e ? !0 : kr, u()) : o !== kr;
	}, d.interpolate = function(e) {
		return arguments.length ? (n = e, u()) : n;
	}, d.unknown = function(e) {
		return arguments.length ? (a = e, d) : a;
	}, function(e, t) {
		return r = e, i = t, u();
	};
}
function Ir() {
	return Fr()(kr, kr);
}
// node_modules/d3-format/dist/d3-format.mjs
function Lr(e) {
	return Math.abs(e = Math.round(e)) >= 1e21 ? e.toLocaleString("en").replace(/,/g, "") : e.toString(10);
}
function Rr(e, t) {
	if (!isFinite(e) || e === 0) return null;
	var n = (e = t ? e.toExponential(t - 1) : e.toExponential()).indexOf("e"), r = e.slice(0, n);
	return [r.length > 1 ? r[0] + r.slice(2) : r, +e.slice(n + 1)];
}
function zr(e) {
	return e = Rr(Math.abs(e)), e ? e[1] : NaN;
}
function Br(e, t) {
	return function(n, r) {
		for (var i = n.length, a = [], o = 0, s = e[0], c = 0; i > 0 && s > 0 && (c + s + 1 > r && (s = Math.max(1, r - c)), a.push(n.substring(i -= s, i + s)), !((c += s + 1) > r));) s = e[o = (o + 1) % e.length];
		return a.reverse().join(t);
	};
}
function Vr(e) {
	return function(t) {
		return t.replace(/[0-9]/g, function(t) {
			return e[+t];
		});
	};
}
var Hr = /^(?:(.)?([<>=^]))?([+\-( ])?([$#])?(0)?(\d+)?(,)?(\.\d+)?(~)?([a-z%])?$/i;
function Ur(e) {
	if (!(t = Hr.exec(e))) throw Error("invalid format: " + e);
	var t;
	return new Wr({
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
Ur.prototype = Wr.prototype;
function Wr(e) {
	this.fill = e.fill === void 0 ? " " : e.fill + "", this.align = e.align === void 0 ? ">" : e.align + "", this.sign = e.sign === void 0 ? "-" : e.sign + "", this.symbol = e.symbol === void 0 ? "" : e.symbol + "", this.zero = !!e.zero, this.width = e.width === void 0 ? void 0 : +e.width, this.comma = !!e.comma, this.precision = e.precision === void 0 ? void 0 : +e.precision, this.trim = !!e.trim, this.type = e.type === void 0 ? "" : e.type + "";
}
Wr.prototype.toString = function() {
	return this.fill + this.align + this.sign + this.symbol + (this.zero ? "0" : "") + (this.width === void 0 ? "" : Math.max(1, this.width | 0)) + (this.comma ? "," : "") + (this.precision === void 0 ? "" : "." + Math.max(0, this.precision | 0)) + (this.trim ? "~" : "") + this.type;
};
function Gr(e) {
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
var Kr;
function qr(e, t) {
	var n = Rr(e, t);
	if (!n) return Kr = void 0, e.toPrecision(t);
	var r = n[0], i = n[1], a = i - (Kr = Math.max(-8, Math.min(8, Math.floor(i / 3))) * 3) + 1, o = r.length;
	return a === o ? r : a > o ? r + Array(a - o + 1).join("0") : a > 0 ? r.slice(0, a) + "." + r.slice(a) : "0." + Array(1 - a).join("0") + Rr(e, Math.max(0, t + a - 1))[0];
}
function Jr(e, t) {
	var n = Rr(e, t);
	if (!n) return e + "";
	var r = n[0], i = n[1];
	return i < 0 ? "0." + Array(-i).join("0") + r : r.length > i + 1 ? r.slice(0, i + 1) + "." + r.slice(i + 1) : r + Array(i - r.length + 2).join("0");
}
var Yr = {
	"%": (e, t) => (e * 100).toFixed(t),
	b: (e) => Math.round(e).toString(2),
	c: (e) => e + "",
	d: Lr,
	e: (e, t) => e.toExponential(t),
	f: (e, t) => e.toFixed(t),
	g: (e, t) => e.toPrecision(t),
	o: (e) => Math.round(e).toString(8),
	p: (e, t) => Jr(e * 100, t),
	r: Jr,
	s: qr,
	X: (e) => Math.round(e).toString(16).toUpperCase(),
	x: (e) => Math.round(e).toString(16)
};
function Xr(e) {
	return e;
}
var Zr = Array.prototype.map, Qr = [
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
function $r(e) {
	var t = e.grouping === void 0 || e.thousands === void 0 ? Xr : Br(Zr.call(e.grouping, Number), e.thousands + ""), n = e.currency === void 0 ? "" : e.currency[0] + "", r = e.currency === void 0 ? "" : e.currency[1] + "", i = e.decimal === void 0 ? "." : e.decimal + "", a = e.numerals === void 0 ? Xr : Vr(Zr.call(e.numerals, String)), o = e.percent === void 0 ? "%" : e.percent + "", s = e.minus === void 0 ? "−" : e.minus + "", c = e.nan === void 0 ? "NaN" : e.nan + "";
	function l(e, l) {
		e = Ur(e);
		var u = e.fill, d = e.align, f = e.sign, p = e.symbol, m = e.zero, h = e.width, g = e.comma, _ = e.precision, v = e.trim, y = e.type;
		y === "n" ? (g = !0, y = "g") : Yr[y] || (_ === void 0 && (_ = 12), v = !0, y = "g"), (m || u === "0" && d === "=") && (m = !0, u = "0", d = "=");
		var b = (l && l.prefix !== void 0 ? l.prefix : "") + (p === "$" ? n : p === "#" && /[boxX]/.test(y) ? "0" + y.toLowerCase() : ""), x = (p === "$" ? r : /[%p]/.test(y) ? o : "") + (l && l.suffix !== void 0 ? l.suffix : ""), S = Yr[y], ee = /[defgprs%]/.test(y);
		_ = _ === void 0 ? 6 : /[gprs]/.test(y) ? Math.max(1, Math.min(21, _)) : Math.max(0, Math.min(20, _));
		function C(e) {
			var n = b, r = x, o, l, p;
			if (y === "c") r = S(e) + r, e = "";
			else {
				e = +e;
				var C = e < 0 || 1 / e < 0;
				if (e = isNaN(e) ? c : S(Math.abs(e), _), v && (e = Gr(e)), C && +e == 0 && f !== "+" && (C = !1), n = (C ? f === "(" ? f : s : f === "-" || f === "(" ? "" : f) + n, r = (y === "s" && !isNaN(e) && Kr !== void 0 ? Qr[8 + Kr / 3] : "") + r + (C && f === "(" ? ")" : ""), ee) {
					for (o = -1, l = e.length; ++o < l;) if (p = e.charCodeAt(o), 48 > p || p > 57) {
						r = (p === 46 ? i + e.slice(o + 1) : e.slice(o)) + r, e = e.slice(0, o);
						break;
					}
				}
			}
			g && !m && (e = t(e, Infinity));
			var te = n.length + e.length + r.length, w = te < h ? Array(h - te + 1).join(u) : "";
			switch (g && m && (e = t(w + e, w.length ? h - r.length : Infinity), w = ""), d) {
				case "<":
					e = n + e + r + w;
					break;
				case "=":
					e = n + w + e + r;
					break;
				case "^":
					e = w.slice(0, te = w.length >> 1) + n + e + r + w.slice(te);
					break;
				default: e = w + n + e + r;
			}
			return a(e);
		}
		return C.toString = function() {
			return e + "";
		}, C;
	}
	function u(e, t) {
		var n = Math.max(-8, Math.min(8, Math.floor(zr(t) / 3))) * 3, r = 10 ** -n, i = l((e = Ur(e), e.type = "f", e), { suffix: Qr[8 + n / 3] });
		return function(e) {
			return i(r * e);
		};
	}
	return {
		format: l,
		formatPrefix: u
	};
}
var ei, ti, ni;
ri({
	thousands: ",",
	grouping: [3],
	currency: ["$", ""]
});
function ri(e) {
	return ei = $r(e), ti = ei.format, ni = ei.formatPrefix, ei;
}
function ii(e) {
	return Math.max(0, -zr(Math.abs(e)));
}
function ai(e, t) {
	return Math.max(0, Math.max(-8, Math.min(8, Math.floor(zr(t) / 3))) * 3 - zr(Math.abs(e)));
}
function oi(e, t) {
	return e = Math.abs(e), t = Math.abs(t) - e, Math.max(0, zr(t) - zr(e)) + 1;
}
// node_modules/d3-scale/src/tickFormat.js
function si(e, t, n, r) {
	var i = Jt(e, t, n), a;
	switch (r = Ur(r ?? ",f"), r.type) {
		case "s":
			var o = Math.max(Math.abs(e), Math.abs(t));
			return r.precision == null && !isNaN(a = ai(i, o)) && (r.precision = a), ni(r, o);
		case "":
		case "e":
		case "g":
		case "p":
		case "r":
			r.precision == null && !isNaN(a = oi(i, Math.max(Math.abs(e), Math.abs(t)))) && (r.precision = a - (r.type === "e"));
			break;
		case "f":
		case "%": r.precision == null && !isNaN(a = ii(i)) && (r.precision = a - (r.type === "%") * 2);
	}
	return ti(r);
}
// node_modules/d3-scale/src/linear.js
function ci(e) {
	var t = e.domain;
	return e.ticks = function(e) {
		var n = t();
		return Kt(n[0], n[n.length - 1], e ?? 10);
	}, e.tickFormat = function(e, n) {
		var r = t();
		return si(r[0], r[r.length - 1], e ?? 10, n);
	}, e.nice = function(n) {
		n ??= 10;
		var r = t(), i = 0, a = r.length - 1, o = r[i], s = r[a], c, l, u = 10;
		for (s < o && (l = o, o = s, s = l, l = i, i = a, a = l); u-- > 0;) {
			if (l = qt(o, s, n), l === c) return r[i] = o, r[a] = s, t(r);
			if (l > 0) o = Math.floor(o / l) * l, s = Math.ceil(s / l) * l;
			else if (l < 0) o = Math.ceil(o * l) / l, s = Math.floor(s * l) / l;
			else break;
			c = l;
		}
		return e;
	}, e;
}
function li() {
	var e = Ir();
	return e.copy = function() {
		return Pr(e, li());
	}, Yt.apply(e, arguments), ci(e);
}
// node_modules/d3-scale/src/nice.js
function ui(e, t) {
	e = e.slice();
	var n = 0, r = e.length - 1, i = e[n], a = e[r], o;
	return a < i && (o = n, n = r, r = o, o = i, i = a, a = o), e[n] = t.floor(i), e[r] = t.ceil(a), e;
}
// node_modules/d3-scale/src/log.js
function di(e) {
	return Math.log(e);
}
function fi(e) {
	return Math.exp(e);
}
function pi(e) {
	return -Math.log(-e);
}
function mi(e) {
	return -Math.exp(-e);
}
function hi(e) {
	return isFinite(e) ? +("1e" + e) : e < 0 ? 0 : e;
}
function gi(e) {
	return e === 10 ? hi : e === Math.E ? Math.exp : (t) => e ** +t;
}
function _i(e) {
	return e === Math.E ? Math.log : e === 10 && Math.log10 || e === 2 && Math.log2 || (e = Math.log(e), (t) => Math.log(t) / e);
}
function vi(e) {
	return (t, n) => -e(-t, n);
}
function yi(e) {
	let t = e(di, fi), n = t.domain, r = 10, i, a;
	function o() {
		return i = _i(r), a = gi(r), n()[0] < 0 ? (i = vi(i), a = vi(a), e(pi, mi)) : e(di, fi), t;
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
			m.length * 2 < p && (m = Kt(o, s, p));
		} else m = Kt(l, u, Math.min(u - l, p)).map(a);
		return c ? m.reverse() : m;
	}, t.tickFormat = (e, n) => {
		if (e ??= 10, n ??= r === 10 ? "s" : ",", typeof n != "function" && (!(r % 1) && (n = Ur(n)).precision == null && (n.trim = !0), n = ti(n)), e === Infinity) return n;
		let o = Math.max(1, r * e / t.ticks().length);
		return (e) => {
			let t = e / a(Math.round(i(e)));
			return t * r < r - .5 && (t *= r), t <= o ? n(e) : "";
		};
	}, t.nice = () => n(ui(n(), {
		floor: (e) => a(Math.floor(i(e))),
		ceil: (e) => a(Math.ceil(i(e)))
	})), t;
}
function bi() {
	let e = yi(Fr()).domain([1, 10]);
	return e.copy = () => Pr(e, bi()).base(e.base()), Yt.apply(e, arguments), e;
}
// src/views/path.ts
var xi = 22, Si = 40, X = {
	left: 8,
	right: 8,
	top: 6,
	bottom: 34
}, Ci = 7.4;
function wi(e, t) {
	let { leaves: n } = e.path, r = n[0].temperature_low, i = n.at(-1).temperature_high, a = C("tau"), { state: o } = t, s = -1, c = _("input", {
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
	}), f = ki(e, r, i, (e) => h(e)), p = (e) => {
		let t = n[Math.min(n.length - 1, Math.max(0, s + e))];
		h(Ti(t));
	};
	function m(e) {
		let t = {
			PageUp: 1,
			PageDown: -1
		}[e.key];
		t !== void 0 && (e.preventDefault(), p(t));
	}
	function h(e) {
		o.set("tau", F(e)), g(e);
	}
	function g(t) {
		c.value = String(t), S(l, F(t));
		let r = Ei(n, t), i = n[r];
		f.show(t, r), c.setAttribute("aria-valuetext", `τ ${F(t)}: ${i.text}`);
		let a = t < i.temperature_low || t > i.temperature_high;
		if (S(d, `${Di(i, e.path.exact)}${a ? " (the nearest: no asked-for temperature lies where the slider is)" : ""}; text ${r + 1} of ${n.length}, ended by ${i.finish_reason}, log-probability ${N(i.logprob_raw)} (raw, summed)`), r === s) return;
		let o = n[s]?.ids;
		s = r, x(u, ...e.tokens[r].map((e, t) => {
			let n = I(e);
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
		}, _("p", { class: "meta" }, `${e.model}, seed ${e.seed}, after “${e.prompt}”`), e.note ? _("p", { class: "note" }, e.note) : null, u, d, _("div", { class: "tau-box path-slider" }, _("label", { for: a }, "temperature τ"), l, c, _("div", { class: "form-foot" }, _("button", {
			type: "button",
			class: "quiet",
			onclick: () => p(-1)
		}, "← cooler text"), _("button", {
			type: "button",
			class: "quiet",
			onclick: () => p(1)
		}, "hotter text →")))), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, `${n.length} different texts at ${y} temperatures. `), _("small", {}, `${P(e.path.forward_passes)} forward passes, ${P(e.path.independent_passes)} for each temperature on its own. Left is cold, right is hot; each row is one token.`)), f.element), _("details", { class: "card" }, _("summary", {}, "All texts as a table"), ji(e))),
		close: () => {
			v(), f.close();
		},
		download: {
			name: "retort-path",
			json: () => e,
			csv: () => Mi(e),
			svg: () => f.element
		}
	};
}
function Ti(e) {
	return (e.temperature_low + e.temperature_high) / 2;
}
function Ei(e, t) {
	let n = 0, r = Infinity;
	return e.forEach((e, i) => {
		let a = Math.max(e.temperature_low - t, t - e.temperature_high, 0);
		a < r && ([n, r] = [i, a]);
	}), n;
}
function Di(e, t) {
	return `${e.temperature_low === e.temperature_high ? `τ = ${F(e.temperature_low)}` : `τ from ${F(e.temperature_low)} to ${F(e.temperature_high)}`}${t ? ", exact" : ", as far as asked for"}`;
}
function Oi(e) {
	let { leaves: t } = e.path, n = [], r = Math.min(Si, Math.max(...t.map((e) => e.ids.length)));
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
function ki(e, t, n, r) {
	let i = Oi(e), a = 1 + Math.max(...i.map((e) => e.row)), o = X.top + a * xi + X.bottom, s = li([t, n === t ? t + 1 : n], [X.left, 640 - X.right]), c = v("g"), l = v("g", {
		class: "axes",
		"aria-hidden": "true"
	}), u = v("line", {
		class: "now",
		y1: X.top,
		y2: o - X.bottom
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
	let m = dt(f, o, (e) => {
		s.range([X.left, e - X.right]), x(c, ...i.map((e) => Ai(e, s))), x(l, ...s.ticks(Math.max(3, Math.round(e / 90))).flatMap((e) => [v("line", {
			class: "grid",
			x1: s(e),
			x2: s(e),
			y1: o - X.bottom,
			y2: o - X.bottom + 5
		}), v("text", {
			x: s(e),
			y: o - X.bottom + 18,
			"text-anchor": e === t ? "start" : e === n ? "end" : "middle"
		}, F(e))]), v("text", {
			x: e - X.right,
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
function Ai(e, t) {
	let n = t(e.from), r = Math.max(1.5, t(e.to) - n), i = xt(e.token), a = Math.floor((r - 6) / Ci);
	return v("g", { class: "band" }, v("rect", {
		x: n,
		y: X.top + e.row * xi + 1,
		width: r,
		height: 20,
		rx: Math.min(3, r / 3)
	}), a >= Math.min(i.length, 2) ? v("text", {
		x: n + 4,
		y: X.top + e.row * xi + 15
	}, i.length > a ? `${i.slice(0, a - 1)}…` : i) : null);
}
function ji(e) {
	return _("div", { class: "scroll" }, _("table", { class: "plain-table" }, _("thead", {}, _("tr", {}, ...[
		"τ from",
		"to",
		"text",
		"end",
		"log-probability, raw (nats)"
	].map((e) => _("th", { scope: "col" }, e)))), _("tbody", {}, ...e.path.leaves.map((t, n) => _("tr", {}, _("td", { class: "figure" }, F(t.temperature_low)), _("td", { class: "figure" }, F(t.temperature_high)), _("td", { dir: "auto" }, ...e.tokens[n].map(I)), _("td", {}, t.finish_reason), _("td", { class: "figure" }, t.logprob_raw.toFixed(3)))))));
}
function Mi(e) {
	return [[
		"temperature_low",
		"temperature_high",
		"text",
		"finish_reason",
		"logprob_raw"
	], ...e.path.leaves.map((e) => [
		e.temperature_low,
		e.temperature_high,
		e.text,
		e.finish_reason,
		e.logprob_raw
	])];
}
// src/parts/bars.ts
function Ni(e, t, n, r) {
	let i = _("tbody"), a = [], o = Math.min(n, e.tokens.length, t.length);
	for (let n = 0; n < o; n++) {
		let o = Pi(e, n, t[n], r);
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
		let { raw: t, processed: n } = e, r = he(t, o, t.to), i = he(n, o, n.to), c = Math.max(D(t, 0), D(n, n.from), r, i);
		a.forEach((r, i) => {
			let a = Ie(e, i);
			Ii(r, D(t, i), D(n, i), c, a === null ? "" : `${a.name}=${a.value}`);
			let o = e.stages.some((e) => e.removed > 0 && e.after.to === i + 1);
			r.element.classList.toggle("last-kept", o);
		});
		let l = Math.max(0, n.to - Math.max(o, n.from));
		Ii(s, r, i, c, ""), S(s.fate, `${P(l)} kept, ${P(A(t) - o - l)} removed`), s.element.classList.toggle("removed", l === 0);
	}
	function u() {
		return Fi(_("th", {
			scope: "row",
			class: "token-cell"
		}, `${P(t.length - o)} more tokens`), _("td", { class: "figure wide-only" }));
	}
	return {
		element: c,
		draw: l
	};
}
function Pi(e, t, n, r) {
	let i = e.tokens[t], a = I(i), o = _("th", {
		scope: "row",
		class: "token-cell",
		title: `${St(i)}; id ${e.ids[t]}, rank ${t + 1}`
	});
	return r ? x(o, _("button", {
		type: "button",
		class: "pick",
		"aria-label": `Continue with ${St(i)}`,
		onclick: () => r(t)
	}, a)) : x(o, a), Fi(o, _("td", { class: "figure wide-only" }, M(n)));
}
function Fi(e, t) {
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
function Ii(e, t, n, r, i) {
	S(e.raw, j(t)), S(e.processed, i ? "–" : j(n)), e.raw.dataset.value = String(t), e.processed.dataset.value = String(n), e.rawBar.style.transform = `scaleX(${t / r})`, e.processedBar.style.transform = `scaleX(${n / r})`, e.element.classList.toggle("removed", i !== ""), S(e.by, i ? "removed by " : ""), S(e.fate, i);
}
// node_modules/d3-shape/src/constant.js
function Z(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-path/dist/d3-path.mjs
var Li = Math.PI, Ri = 2 * Li, Q = 1e-6, zi = Ri - Q;
function Bi(e) {
	this._ += e[0];
	for (let t = 1, n = e.length; t < n; ++t) this._ += arguments[t] + e[t];
}
function Vi(e) {
	let t = Math.floor(e);
	if (!(t >= 0)) throw Error(`invalid digits: ${e}`);
	if (t > 15) return Bi;
	let n = 10 ** t;
	return function(e) {
		this._ += e[0];
		for (let t = 1, r = e.length; t < r; ++t) this._ += Math.round(arguments[t] * n) / n + e[t];
	};
}
function Hi(e, t, n, r) {
	return e === n && t === r;
}
function Ui(e) {
	let t = Math.floor(e);
	if (!(t <= 15)) return Hi;
	let n = 10 ** t, r = function(e) {
		return Math.round(e * n);
	};
	return function(e, t, n, i) {
		return r(e) === r(n) && r(t) === r(i);
	};
}
var Wi = class {
	constructor(e) {
		this._x0 = this._y0 = this._x1 = this._y1 = null, this._ = "", this._append = e == null ? Bi : Vi(e), this._equal = e == null ? Hi : Ui(e);
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
		else if (d > Q) {
			if (!(Math.abs(u * s - c * l) > Q) || !i) this._append`L${this._x1 = e},${this._y1 = t}`;
			else {
				let f = n - a, p = r - o, m = s * s + c * c, h = f * f + p * p, g = Math.sqrt(m), _ = Math.sqrt(d), v = i * Math.tan((Li - Math.acos((m + d - h) / (2 * g * _))) / 2), y = v / _, b = v / g;
				Math.abs(y - 1) > Q && this._append`L${e + y * l},${t + y * u}`, this._append`A${i},${i},0,0,${+(u * f > l * p)},${this._x1 = e + b * s},${this._y1 = t + b * c}`;
			}
		}
	}
	arc(e, t, n, r, i, a) {
		if (e = +e, t = +t, n = +n, a = !!a, n < 0) throw Error(`negative radius: ${n}`);
		let o = n * Math.cos(r), s = n * Math.sin(r), c = e + o, l = t + s, u = 1 ^ a, d = a ? r - i : i - r;
		if (this._x1 === null ? this._append`M${c},${l}` : (Math.abs(this._x1 - c) > Q || Math.abs(this._y1 - l) > Q) && this._append`L${c},${l}`, n) {
			if (d < 0 && (d = d % Ri + Ri), d > zi) this._append`A${n},${n},0,1,${u},${e - o},${t - s}A${n},${n},0,1,${u},${this._x1 = c},${this._y1 = l}`;
			else if (d > Q) {
				let a = e + n * Math.cos(i), o = t + n * Math.sin(i);
				if (d >= Li && this._equal(c, l, a, o)) {
					d /= 2;
					let i = r + d;
					this._append`A${n},${n},0,${+(d >= Li)},${u},${e + n * Math.cos(i)},${t + n * Math.sin(i)}`;
				}
				this._append`A${n},${n},0,${+(d >= Li)},${u},${this._x1 = a},${this._y1 = o}`;
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
Wi.prototype;
// node_modules/d3-shape/src/path.js
function Gi(e) {
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
	}, () => new Wi(t);
}
Array.prototype.slice;
function Ki(e) {
	return typeof e == "object" && "length" in e ? e : Array.from(e);
}
// node_modules/d3-shape/src/curve/linear.js
function qi(e) {
	this._context = e;
}
qi.prototype = {
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
function Ji(e) {
	return new qi(e);
}
// node_modules/d3-shape/src/point.js
function Yi(e) {
	return e[0];
}
function Xi(e) {
	return e[1];
}
// node_modules/d3-shape/src/line.js
function Zi(e, t) {
	var n = Z(!0), r = null, i = Ji, a = null, o = Gi(s);
	e = typeof e == "function" ? e : e === void 0 ? Yi : Z(e), t = typeof t == "function" ? t : t === void 0 ? Xi : Z(t);
	function s(s) {
		var c, l = (s = Ki(s)).length, u, d = !1, f;
		for (r ?? (a = i(f = o())), c = 0; c <= l; ++c) !(c < l && n(u = s[c], c, s)) === d && ((d = !d) ? a.lineStart() : a.lineEnd()), d && a.point(+e(u, c, s), +t(u, c, s));
		if (f) return a = null, f + "" || null;
	}
	return s.x = function(t) {
		return arguments.length ? (e = typeof t == "function" ? t : Z(+t), s) : e;
	}, s.y = function(e) {
		return arguments.length ? (t = typeof e == "function" ? e : Z(+e), s) : t;
	}, s.defined = function(e) {
		return arguments.length ? (n = typeof e == "function" ? e : Z(!!e), s) : n;
	}, s.curve = function(e) {
		return arguments.length ? (i = e, r != null && (a = i(r)), s) : i;
	}, s.context = function(e) {
		return arguments.length ? (e == null ? r = a = null : a = i(r = e), s) : r;
	}, s;
}
// node_modules/d3-shape/src/area.js
function Qi(e, t, n) {
	var r = null, i = Z(!0), a = null, o = Ji, s = null, c = Gi(l);
	e = typeof e == "function" ? e : e === void 0 ? Yi : Z(+e), t = typeof t == "function" ? t : Z(t === void 0 ? 0 : +t), n = typeof n == "function" ? n : n === void 0 ? Xi : Z(+n);
	function l(l) {
		var u, d, f, p = (l = Ki(l)).length, m, h = !1, g, _ = Array(p), v = Array(p);
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
		return Zi().defined(i).curve(o).context(a);
	}
	return l.x = function(t) {
		return arguments.length ? (e = typeof t == "function" ? t : Z(+t), r = null, l) : e;
	}, l.x0 = function(t) {
		return arguments.length ? (e = typeof t == "function" ? t : Z(+t), l) : e;
	}, l.x1 = function(e) {
		return arguments.length ? (r = e == null ? null : typeof e == "function" ? e : Z(+e), l) : r;
	}, l.y = function(e) {
		return arguments.length ? (t = typeof e == "function" ? e : Z(+e), n = null, l) : t;
	}, l.y0 = function(e) {
		return arguments.length ? (t = typeof e == "function" ? e : Z(+e), l) : t;
	}, l.y1 = function(e) {
		return arguments.length ? (n = e == null ? null : typeof e == "function" ? e : Z(+e), l) : n;
	}, l.lineX0 = l.lineY0 = function() {
		return u().x(e).y(t);
	}, l.lineY1 = function() {
		return u().x(e).y(n);
	}, l.lineX1 = function() {
		return u().x(r).y(t);
	}, l.defined = function(e) {
		return arguments.length ? (i = typeof e == "function" ? e : Z(!!e), l) : i;
	}, l.curve = function(e) {
		return arguments.length ? (o = e, a != null && (s = o(a)), l) : o;
	}, l.context = function(e) {
		return arguments.length ? (e == null ? a = s = null : s = o(a = e), l) : a;
	}, l;
}
// src/parts/rankChart.ts
var $i = 260, $ = {
	left: 52,
	right: 14,
	top: 26,
	bottom: 34
}, ea = 1e-10, ta = 240;
function na(e) {
	let t = bi([1, Math.max(e, 2)], [$.left, 640]), n = bi([ea, 1], [$i - $.bottom, $.top]).clamp(!0), r = oa(e), i = v("path", { class: "area-kept" }), a = v("path", { class: "line-raw" }), o = v("path", { class: "line-processed" }), s = v("g", { class: "cuts" }), c = v("title", {}), l = v("g", {
		class: "axes",
		"aria-hidden": "true"
	}), u = null, d = v("svg", {
		viewBox: `0 0 640 ${$i}`,
		class: "chart rank-chart",
		role: "img"
	}, c, l, i, a, o, s);
	function f(e) {
		return r.filter((t) => t >= e.from && t < e.to).map((r) => [t(r + 1), n(Math.exp(me(e, r)))]);
	}
	let p = dt(d, $i, (r) => {
		t.range([$.left, r - $.right]), x(l, ...ia(e, t, n, r)), u !== null && m(u);
	});
	function m(e) {
		u = e;
		let { processed: r, raw: l } = e, d = f(r);
		r.to - r.from > 1 && d.push([t(r.to), n(Math.exp(me(r, r.to - 1)))]), d.sort((e, t) => e[0] - t[0]), a.setAttribute("d", Zi()(f(l)) ?? ""), o.setAttribute("d", Zi()(d) ?? ""), i.setAttribute("d", Qi().x((e) => e[0]).y1((e) => e[1]).y0(n(ea))(d) ?? ""), x(s, ...ra(e, t)), S(c, `Probability against rank. Raw: grey. Processed: ${P(A(r))} of ${P(A(l))} tokens, from ${M(Math.exp(me(r, r.from)))} down to ${M(Math.exp(me(r, r.to - 1)))}.`);
	}
	return {
		element: d,
		draw: m,
		close: p
	};
}
function ra(e, t) {
	return e.stages.filter((e) => e.removed > 0 && e.after.to < e.before.to).map((e, n) => {
		let r = t(e.after.to + .5), i = r > t.range()[1] * .75;
		return v("g", {}, v("line", {
			class: "cut",
			x1: r,
			x2: r,
			y1: $.top,
			y2: $i - $.bottom
		}), v("text", {
			class: "cut-label",
			x: r + (i ? -4 : 4),
			y: $.top + 10 + 13 * n,
			"text-anchor": i ? "end" : "start"
		}, `${e.stage.name}=${e.stage.value}`));
	});
}
function ia(e, t, n, r) {
	let i = [
		1,
		10,
		100,
		1e3,
		1e4,
		1e5
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
			y: $i - $.bottom + 15,
			"text-anchor": e === 1 ? "start" : "middle"
		}, P(e))),
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
		}, e === 1 ? "1" : `10${aa(Math.log10(e))}`)]),
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
function aa(e) {
	return String(Math.round(e)).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
function oa(e) {
	let t = Array.from({ length: ta }, (t, n) => Math.round(e ** (n / 239)) - 1);
	return [...new Set(t)].sort((e, t) => e - t);
}
// src/views/position.ts
var sa = 20, ca = 3;
function la(e, t, n) {
	let r = et(e.logits), { state: i, announce: a } = t, o, s = ct((e) => b(e), a, { heat: !1 }), c = fa((e) => b(Me(y(), e))), l = _("div"), u = Ni(e, r, sa, n), d = na(r.length), f = ma(), p = _("ul", {
		class: "warnings",
		"aria-label": "Where the settings conflict"
	}), m = ut(S), h = _("button", {
		type: "button",
		class: "quiet more",
		onclick: () => v(g * 3)
	}, "Show more tokens"), g = sa;
	function v(t) {
		g = Math.min(t, e.tokens.length), u = Ni(e, r, g, n), x(l, u.element), h.hidden = g >= e.tokens.length, o !== void 0 && u.draw(o);
	}
	function y() {
		try {
			return Ee(i.get("chain") ?? e.chain);
		} catch {
			return Ee(e.chain);
		}
	}
	function b(e) {
		i.set("chain", k(e.filter(Ae)) || " ");
	}
	function S() {
		let e = y();
		o = Fe(e, r), s.show(e), s.report(o.stages), c.show(je(e)), u.draw(o), d.draw(o), f.draw(o), x(p, ...o.warnings.map((e) => _("li", {}, e))), p.hidden = o.warnings.length === 0;
	}
	let ee = i.listen((e) => e === "chain" && m()), C = _("div", { class: "position" }, ua(e), _("div", { class: "columns" }, _("section", {
		class: "card controls",
		"aria-label": "Settings"
	}, c.element, s.element, p), _("section", {
		class: "card",
		"aria-label": "Distribution of the next token"
	}, f.element, l, h)), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, `All ${P(r.length)} tokens by rank. `), da()), d.element));
	return v(sa), S(), {
		element: C,
		close: () => {
			ee(), d.close();
		},
		download: {
			name: "retort-position",
			json: () => ha(e, o),
			csv: () => ga(e, r, o),
			svg: () => d.element
		}
	};
}
function ua(e) {
	return _("div", { class: "prompt" }, _("p", { class: "meta" }, `${e.model}, after`), _("p", {
		class: "tokens",
		dir: "auto"
	}, ...e.prompt_tokens.map(I)), e.note ? _("p", { class: "note" }, e.note) : null);
}
function da() {
	return _("span", { class: "legend" }, _("span", { class: "key key-raw" }, "raw: the model's own, τ = 1"), _("span", { class: "key key-processed" }, "processed: what sampling draws from"), _("span", { class: "key key-cut" }, "where a stage cuts"));
}
function fa(e) {
	let t = C("tau"), n = _("input", {
		id: t,
		type: "range",
		min: 0,
		max: ca,
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
			n.value = String(e), n.setAttribute("aria-valuetext", `τ ${F(e)}${e === 0 ? ", greedy" : e === 1 ? ", the model's own" : ""}`), S(r, F(e));
		}
	};
}
var pa = [
	[
		"entropy",
		"entropy",
		"nats",
		(e) => E(e.raw).entropy,
		(e) => E(e.processed).entropy
	],
	[
		"support",
		"effective support",
		"tokens, e^entropy",
		(e) => Re(e.raw),
		(e) => Re(e.processed)
	],
	[
		"kept",
		"tokens that can come",
		"",
		(e) => A(e.raw),
		(e) => A(e.processed)
	]
];
function ma() {
	let e = pa.map(([e, t, n, ,]) => {
		let r = _("span", {
			class: "raw-ink",
			"data-measure": `${e}-raw`
		}), i = _("b", {
			class: "processed-ink",
			"data-measure": e
		});
		return {
			raw: r,
			processed: i,
			element: _("div", { class: "measure" }, _("dt", {}, t, n ? _("small", {}, ` ${n}`) : null), _("dd", {}, i, " ", _("small", {}, "raw "), r))
		};
	}), t = _("b", { "data-measure": "kept-mass" }), n = _("b", { "data-measure": "leakage" }), r = _("b", { "data-measure": "margin" }), i = _("dl", { class: "measures" }, ...e.map((e) => e.element), _("div", { class: "measure" }, _("dt", {}, "mass kept ", _("small", {}, "of the tempered row")), _("dd", {}, t)), _("div", { class: "measure" }, _("dt", {}, "leakage ", _("small", {}, "outside the raw top 90 %")), _("dd", {}, n)), _("div", { class: "measure" }, _("dt", {}, "margin ", _("small", {}, "raw logits, 1st over 2nd")), _("dd", {}, r))), a = (e, t, n) => {
		S(e, n), e.dataset.value = String(t);
	};
	return {
		element: i,
		draw(i) {
			pa.forEach(([, , , t, n], r) => {
				a(e[r].raw, t(i), M(t(i))), a(e[r].processed, n(i), M(n(i)));
			});
			let o = i.stages.at(-1)?.keptMassTotal ?? 1;
			a(t, o, j(o)), a(n, Le(i), j(Le(i))), a(r, _e(i.raw), M(_e(i.raw)));
		}
	};
}
function ha(e, t) {
	let { raw: n, processed: r } = t;
	return {
		model: e.model,
		prompt: e.prompt,
		vocabulary: e.vocabulary,
		chain: k(t.stages.map((e) => e.stage)),
		raw: {
			entropy_nats: E(n).entropy,
			effective_support: Re(n),
			margin: _e(n)
		},
		processed: {
			entropy_nats: E(r).entropy,
			effective_support: Re(r),
			kept: A(r)
		},
		stages: t.stages.map((e) => ({
			stage: `${e.stage.name}=${e.stage.value}`,
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
			prob_raw: D(n, a),
			prob_processed: D(r, a),
			removed_by: Ie(t, a)?.name ?? null
		}))
	};
}
function ga(e, t, n) {
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
		D(n.raw, i),
		D(n.processed, i),
		Ie(n, i)?.name ?? null
	])];
}
// src/views/text.ts
var _a = 6, va = 1e3, ya = [
	{
		name: "entropy",
		label: "entropy",
		what: "entropy of the raw distribution",
		heat: (e) => e.entropy_nats / _a,
		shown: (e) => N(e.entropy_nats),
		ends: ["0 nats: sure", `${_a} nats or more`]
	},
	{
		name: "rank",
		label: "rank",
		what: "rank of the token that stands here",
		heat: (e) => Math.log(e.rank) / Math.log(va),
		shown: (e) => `rank ${P(e.rank)}`,
		ends: ["the first choice", `rank ${P(va)} or beyond`]
	},
	{
		name: "flip",
		label: "flip risk",
		what: "chance that numerical noise makes another token the most likely one",
		heat: (e) => 2 * e.flip_risk,
		shown: (e) => `flip risk ${j(e.flip_risk)}`,
		ends: ["safe at τ = 0", "a coin toss"]
	}
];
function ba(e, t, n) {
	let { state: r } = t, i = ya.find((e) => e.name === r.get("colour")) ?? ya[0], a = Math.min(Number(r.get("token") ?? 0) || 0, e.tokens.length - 1), o = _("section", {
		class: "card detail",
		"aria-live": "polite",
		"aria-label": "The chosen token"
	}), s = e.tokens.map((e, t) => d(e, t)), c = _("p", { class: "legend heat-legend" }), l = Ta(e, (e) => p(e, !1)), u = _("div", {
		class: "tokens text-tokens",
		role: "group",
		"aria-label": "The text, token by token. Arrow keys go through it.",
		onkeydown: f
	}, _("span", { class: "prompt-part" }, ...e.prompt_tokens.map(I)));
	e.tokens.forEach((e, t) => {
		u.append(s[t]), /\n/.test(e.token) && u.append(_("br"));
	});
	function d(e, t) {
		return _("button", {
			type: "button",
			class: `text-token${e.removed_by ? " was-removed" : ""}${e.given ? " was-given" : ""}`,
			tabindex: -1,
			onmouseenter: () => m(t),
			onfocus: () => m(t),
			onclick: () => p(t, !0)
		}, I(e.token));
	}
	function f(e) {
		let t = getComputedStyle(u).direction === "rtl", n = {
			ArrowRight: t ? -1 : 1,
			ArrowLeft: t ? 1 : -1
		}[e.key], r = e.key === "Home" ? 0 : e.key === "End" ? s.length - 1 : n === void 0 ? null : a + n;
		r === null || r < 0 || r >= s.length || (e.preventDefault(), p(r, !0));
	}
	function p(e, t) {
		r.set("token", String(e)), m(e), t && s[e].focus();
	}
	function m(t) {
		s[a]?.setAttribute("tabindex", "-1"), s[a]?.removeAttribute("aria-current"), a = t, s[t]?.setAttribute("tabindex", "0"), s[t]?.setAttribute("aria-current", "true"), l.mark(t), x(o, ...Sa(e, t, n));
	}
	function h() {
		e.tokens.forEach((e, t) => {
			let n = s[t];
			n.style.setProperty("--heat", String(Math.min(1, Math.max(0, i.heat(e))))), n.setAttribute("aria-label", `${t + 1}, ${St(e.token)}, ${i.shown(e)}`);
		}), x(c, _("span", {}, i.ends[0]), _("span", {
			class: "ramp",
			"aria-hidden": "true"
		}), _("span", {}, `${i.ends[1]} (${i.what})`)), l.draw(i);
	}
	let g = _("fieldset", { class: "choices" }, _("legend", {}, "Colour by"), ...ya.map((e) => _("label", {}, _("input", {
		type: "radio",
		name: "colour",
		value: e.name,
		checked: e === i,
		onchange: () => {
			i = e, r.set("colour", e.name), h();
		}
	}), ` ${e.label}`)));
	return h(), e.tokens.length > 0 && m(a), {
		element: _("div", {}, _("div", { class: "prompt" }, _("p", { class: "meta" }, `${e.model}, seed ${e.seed}, drawn through ${e.chain || "no chain (raw)"}`), e.note ? _("p", { class: "note" }, e.note) : null), _("section", {
			class: "card",
			"aria-label": "Text"
		}, g, u, c), _("div", { class: "columns text-columns" }, o, _("figure", { class: "card" }, _("figcaption", {}, xa(e)), l.element))),
		close: l.close,
		download: {
			name: "retort-text",
			json: () => e,
			csv: () => Ea(e),
			svg: () => l.element
		}
	};
}
function xa(e) {
	return `${at(e.tokens.length)}: log-probability ${N(e.logprob_raw)} (raw, summed), mean entropy ${N(e.mean_entropy_nats)}, chance that a greedy replay differs somewhere ${j(e.flip_risk)} (noise ${M(e.noise_scale)} logits)`;
}
function Sa(e, t, n) {
	let r = e.tokens[t], i = Math.max(...r.alternatives.map((e) => Math.max(e.prob_raw, e.prob_processed)), 1e-12), a = [
		["rank", P(r.rank)],
		["log-probability, raw", N(r.logprob_raw)],
		["log-probability, processed", r.logprob_processed === null ? "cannot come" : N(r.logprob_processed)],
		["entropy, raw", N(r.entropy_nats)],
		["entropy, processed", N(r.entropy_processed_nats)],
		["margin, raw logits", M(r.margin)],
		["tokens kept", P(r.kept)],
		["mass kept", j(r.kept_mass)],
		["flip risk", j(r.flip_risk)]
	];
	return [
		_("h2", {}, _("small", {}, `${t + 1} of ${e.tokens.length} `), I(r.token), _("small", {}, r.given ? " given" : " drawn")),
		r.removed_by ? _("p", { class: "error" }, `${r.removed_by} would have removed it`) : _("p", { hidden: !0 }),
		_("dl", { class: "facts" }, ...a.map(([e, t]) => _("div", {}, _("dt", {}, e), _("dd", {}, t)))),
		_("table", { class: "bars alternatives" }, _("caption", {}, n ? "Could have stood here; choose one to branch" : "Could have stood here"), _("thead", { class: "sr" }, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", { scope: "col" }, "raw"), _("th", { scope: "col" }, "processed"), _("th", { scope: "col" }, "bar"))), _("tbody", {}, ...r.alternatives.map((e) => Ca(e, r, i, n && (() => n.branch(t, e.id))))))
	];
}
function Ca(e, t, n, r) {
	let i = e.id === t.id, a = I(e.token), o = _("span", { class: "bar bar-raw" }), s = _("span", { class: "bar bar-processed" });
	o.style.transform = `scaleX(${e.prob_raw / n})`, s.style.transform = `scaleX(${e.prob_processed / n})`;
	let c = r && !i ? _("button", {
		type: "button",
		class: "pick",
		onclick: r,
		"aria-label": `Branch here with ${St(e.token)}`
	}, a) : a;
	return _("tr", {
		class: e.prob_processed === 0 ? "removed" : "",
		"aria-current": i ? "true" : null
	}, _("th", {
		scope: "row",
		class: "token-cell"
	}, c), _("td", { class: "figure raw-ink" }, j(e.prob_raw)), _("td", { class: "figure processed-ink" }, e.prob_processed === 0 ? "–" : j(e.prob_processed)), _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, o, s)));
}
var wa = 150;
function Ta(e, t) {
	let n = v("title"), r = v("g"), i = null, a = 640, o = 0, s = v("svg", {
		viewBox: `0 0 640 ${wa}`,
		class: "chart strip",
		role: "img"
	}, n, r), c = dt(s, wa, (e) => {
		a = e, i && l(i);
	});
	function l(s) {
		i = s, S(n, `${s.label} of each token: ${e.tokens.map(s.shown).slice(0, 40).join(", ")}`);
		let c = a / Math.max(e.tokens.length, 1);
		x(r, ...e.tokens.map((e, n) => {
			let r = 124 * Math.min(1, Math.max(0, s.heat(e))), i = xt(e.token);
			return v("g", {
				class: "strip-bar",
				onclick: () => t(n)
			}, v("rect", {
				class: "hit",
				x: n * c,
				y: 0,
				width: c,
				height: wa
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
function Ea(e) {
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
// src/app.ts
function Da(e, t, { address: n, tabs: r = ka(t) }) {
	let i = _("div", {
		class: "sr",
		role: "status",
		"aria-live": "polite"
	}), a = {
		data: t,
		state: new w(n),
		announce: (e) => i.textContent = e
	}, o = _("main", {
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
	let p = _("details", { class: "menu" }, _("summary", {}, "Download"), _("div", { class: "menu-list" }, ...[
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
		onclick: () => void Oa(a)
	}, "Copy link");
	e.classList.add("retort"), x(e, _("header", { class: "head" }, _("p", { class: "brand" }, "retort"), u, _("div", { class: "tools" }, n ? m : null, p, ae(e))), o, i);
	let h = a.state.listen((e) => e === "view" && f());
	return f(), () => {
		h(), s?.close(), e.replaceChildren();
	};
}
async function Oa(e) {
	try {
		await navigator.clipboard.writeText(e.state.link()), e.announce("Link copied");
	} catch {
		history.replaceState(null, "", e.state.link()), e.announce("The link is in the address bar");
	}
}
function ka(e) {
	let t = [], { position: n, text: r, path: i, compare: a } = e;
	return n && t.push({
		name: "position",
		label: "Position",
		open: (e) => la(n, e)
	}), r && t.push({
		name: "text",
		label: "Text",
		open: (e) => ba(r, e)
	}), i && t.push({
		name: "path",
		label: "Path",
		open: (e) => wi(i, e)
	}), a && t.push({
		name: "compare",
		label: "Compare",
		open: (e) => wt(a, e)
	}), t;
}
// src/parts/runForm.ts
function Aa(t) {
	let { api: n, state: r, fields: i } = t, a = null, o = new Map(i.map((e) => [e.name, ja(e, r)])), s = _("button", {
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
		e.key === "Enter" && (e.ctrlKey || e.metaKey) && h();
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
		let s = n.start(t.kind, o, {
			onProgress: ({ done: e, total: t, detail: n }) => {
				l.hidden = !1, l.max = t || 1, l.value = e, S(u, n || `${P(e)} of ${P(t)}`);
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
function ja(e, t) {
	let n = C(e.name), r = e.name, i = t.get(r) ?? e.initial;
	if (e.kind === "choice") {
		let t = _("select", {
			id: n,
			name: r
		});
		return x(t, ...(e.choices ?? []).map((e) => _("option", { value: e }, e))), t.value = e.choices?.includes(i) ? i : e.initial, t;
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
var Ma = "The sky is", Na = /* @__PURE__ */ new Map();
function Pa(e, t) {
	let n = {
		name: "model",
		label: "Model",
		kind: "choice",
		initial: t[0],
		choices: t
	}, r = {
		name: "prompt",
		label: "Prompt",
		kind: "lines",
		initial: Ma,
		hint: "Ctrl+Enter looks"
	}, i = {
		name: "seed",
		label: "Seed",
		kind: "number",
		initial: "0"
	}, a = {
		name: "max_tokens",
		label: "Longest text, in tokens",
		kind: "number",
		initial: "24"
	}, o = {
		name: "chain",
		label: "Chain",
		kind: "text",
		initial: "temperature=0.8 | top_p=0.9"
	}, s = {
		name: "truncations",
		label: "After the temperature",
		kind: "text",
		initial: "",
		hint: "for example top_p=0.9"
	}, c = {
		name: "temperatures",
		label: "Temperatures",
		kind: "text",
		initial: "0:2:41",
		hint: "first:last:count, or a list"
	};
	return [
		Fa(e, {
			name: "position",
			label: "Position",
			kind: "position",
			verb: "Look",
			eager: !0,
			fields: [n, r],
			body: ({ model: e, prompt: t }, { state: n }) => ({
				model: e,
				prompt: t,
				continuation: za(n.get("continuation"))
			}),
			view: (e, t, n) => la(e, t, (r) => {
				let i = za(t.state.get("continuation"));
				t.state.set("continuation", [...i, e.ids[r]].join(",")), n();
			})
		}),
		Fa(e, {
			name: "text",
			label: "Text",
			kind: "text",
			verb: "Write",
			fields: [
				n,
				r,
				o,
				i,
				a
			],
			body: ({ model: e, prompt: t, chain: n, seed: r, max_tokens: i }, { state: a }) => ({
				model: e,
				prompt: t,
				chain: n,
				seed: La("seed", r),
				max_tokens: La("longest text", i),
				continuation: za(a.get("continuation"))
			}),
			view: (e, t, n) => ba(e, t, { branch: (r, i) => {
				let a = e.tokens.slice(0, r).map((e) => e.id);
				t.state.set("continuation", [...a, i].join(",")), t.state.set("token", String(r)), n();
			} })
		}),
		Fa(e, {
			name: "path",
			label: "Path",
			kind: "path",
			verb: "Follow",
			fields: [
				n,
				r,
				{ ...i },
				a,
				c,
				s
			],
			body: ({ model: e, prompt: t, seed: n, max_tokens: r, temperatures: i, truncations: a }) => ({
				model: e,
				prompt: t,
				chain: a,
				seed: La("seed", n),
				max_tokens: La("longest text", r),
				temperatures: Ra(i)
			}),
			view: (e, t) => wi(e, t)
		}),
		Fa(e, {
			name: "compare",
			label: "Compare",
			kind: "compare",
			verb: "Compare",
			fields: [
				{
					...n,
					label: "A: model"
				},
				{
					...r,
					label: "A: prompt"
				},
				{
					...n,
					name: "model_b",
					label: "B: model",
					initial: t[1] ?? t[0]
				},
				{
					...r,
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
				prompt_b: r || t
			}),
			view: (e, t) => wt(e, t)
		})
	];
}
function Fa(e, t) {
	return {
		name: t.name,
		label: t.label,
		open: (n) => Ia(e, t, n)
	};
}
function Ia(e, t, n) {
	let r = null, i = _("div", { class: "holder" }), a = Aa({
		api: e,
		state: n.state,
		announce: n.announce,
		kind: t.kind,
		verb: t.verb,
		fields: t.fields,
		body: (e) => t.body(e, n),
		onRecord: (e, n) => {
			Na.set(t.name, {
				record: e,
				values: n
			}), o(e);
		}
	});
	a.element.addEventListener("change", () => n.state.set("continuation", void 0));
	function o(e) {
		r?.close(), r = t.view(e, n, a.run), x(i, r.element);
	}
	let s = Na.get(t.name);
	return s ? o(s.record) : t.eager && a.run(), {
		element: _("div", {}, a.element, i),
		get download() {
			return r?.download ?? null;
		},
		close: () => {
			a.close(), r?.close();
		}
	};
}
function La(e, t) {
	let n = Number(t);
	if (!t?.trim() || !Number.isSafeInteger(n)) throw Error(`${e} must be a whole number, got “${t ?? ""}”`);
	return n;
}
function Ra(e) {
	let t = /^\s*([\d.]+):([\d.]+):(\d+)\s*$/.exec(e ?? ""), n = t ? Array.from({ length: Number(t[3]) }, (e, n) => Number(t[1]) + (Number(t[2]) - Number(t[1])) * n / Math.max(1, Number(t[3]) - 1)) : (e ?? "").split(",").map(Number);
	if (n.length === 0 || !n.every(Number.isFinite)) throw Error(`temperatures are first:last:count (0:2:41) or a list (0, 0.5, 1), got “${e ?? ""}”`);
	return n.map((e) => Number(e.toFixed(10)));
}
function za(e) {
	return e ? e.split(",").map(Number).filter(Number.isSafeInteger) : [];
}
// src/main.ts
function Ba({ model: e, el: t }) {
	let n = document.createElement("div");
	t.append(n);
	let r = Da(n, e.get("data"), { address: !1 }), i = () => {
		r(), r = Da(n, e.get("data"), { address: !1 });
	};
	return e.on("change:data", i), () => {
		e.off("change:data", i), r();
	};
}
var Va = { render: Ba }, Ha = document.getElementById("retort-data"), Ua = document.getElementById("retort-page");
Ha !== null && Ua !== null && Wa(Ua, JSON.parse(Ha.textContent ?? "{}"));
function Wa(e, t) {
	if (!t.studio) {
		Da(e, t, { address: !0 });
		return;
	}
	let n = new r();
	n.models().then((r) => Da(e, t, {
		address: !0,
		tabs: Pa(n, r)
	})).catch((t) => e.textContent = t.message);
}
export { Va as default };
