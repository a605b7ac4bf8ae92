// src/api.ts
var e = class extends Error {}, t = 8, n = 250, r = class {
	token;
	constructor() {
		this.token = o();
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
				return i = o.id, a && this.stop(i), o.state !== "done" && await this.follow(i, n, r.signal), this.ask("GET", `/api/runs/${i}/result`);
			})(),
			stop: () => {
				a = !0, i !== null && this.stop(i);
			}
		};
	}
	stop(e) {
		this.ask("DELETE", `/api/runs/${e}`).catch(() => void 0);
	}
	async follow(r, o, s) {
		let c = "0";
		for (let l = 0;; l++) try {
			let t = await fetch(`/api/runs/${r}/events`, {
				headers: { "Last-Event-ID": c },
				signal: s
			});
			if (t.status === 404) throw new i("the studio no longer knows this run; start it again");
			if (!t.ok || t.body === null) throw Error(`the studio answered ${t.status}`);
			for await (let n of a(t.body)) {
				if (c = n.id, l = 0, n.name === "done") return;
				if (n.name === "failed") throw new i(n.data.message);
				if (n.name === "stopped") throw new e("stopped");
				n.name === "progress" ? o.onProgress?.(n.data) : o.onTold?.(n.name, n.data);
			}
			throw Error("the stream ended early");
		} catch (r) {
			if (r instanceof i || r instanceof e) throw r;
			if (l >= t) throw Error("The connection to the studio is lost. Is it still running? Nothing that was shown is gone.");
			o.onLost?.(), await new Promise((e) => setTimeout(e, n * 1.6 ** l));
		}
	}
	async ask(e, t, n) {
		let r = { "X-Retort-Token": this.token };
		n !== void 0 && (r["Content-Type"] = "application/json");
		let i;
		try {
			i = await fetch(t, {
				method: e,
				headers: r,
				body: n === void 0 ? null : JSON.stringify(n)
			});
		} catch {
			throw Error("The studio does not answer. Is it still running? Nothing that was shown is gone.");
		}
		let a = await i.json().catch(() => null);
		if (i.ok) return a;
		throw Error(a?.error?.message ?? `the studio answered ${i.status}`);
	}
}, i = class extends Error {};
async function* a(e) {
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
function o() {
	let e = new URL(location.href), t = e.searchParams.get("token");
	try {
		return t !== null && (sessionStorage.setItem("retort-token", t), e.searchParams.delete("token"), history.replaceState(null, "", e)), sessionStorage.getItem("retort-token") ?? "";
	} catch {
		return t ?? "";
	}
}
// src/parts/download.ts
async function s(e, t) {
	let n = `${e.name}.${t}`;
	if (t === "json") return m(n, new Blob([JSON.stringify(e.json(), null, 2)], { type: "application/json" }));
	if (t === "csv") return m(n, new Blob([c(e.csv())], { type: "text/csv;charset=utf-8" }));
	let r = e.svg();
	if (r === null) return;
	let i = f(r);
	if (t === "svg") return m(n, new Blob([i], { type: "image/svg+xml" }));
	m(n, await p(i, r));
}
function c(e) {
	return e.map((e) => e.map(l).join(",")).join("\r\n") + "\r\n";
}
function l(e) {
	if (e === null) return "";
	if (typeof e == "number") return Number.isFinite(e) ? String(e) : "";
	let t = /^[=+\-@\t\r]/.test(e) ? `'${e}` : e;
	return /[",\r\n]|^\s|\s$/.test(t) ? `"${t.replaceAll("\"", "\"\"")}"` : t;
}
var u = [
	"fill",
	"fill-opacity",
	"stroke",
	"stroke-width",
	"stroke-dasharray",
	"stroke-opacity",
	"opacity"
], d = [
	"font-family",
	"font-size",
	"font-weight",
	"text-anchor",
	"dominant-baseline"
];
function f(e) {
	let t = e.cloneNode(!0), n = [e, ...e.querySelectorAll("*")], r = [t, ...t.querySelectorAll("*")];
	n.forEach((e, t) => {
		let n = getComputedStyle(e);
		for (let i of e.tagName === "text" || e.tagName === "tspan" ? [...u, ...d] : u) r[t].setAttribute(i, n.getPropertyValue(i));
		r[t].removeAttribute("class");
	});
	let i = e.viewBox.baseVal;
	t.setAttribute("xmlns", "http://www.w3.org/2000/svg"), t.setAttribute("width", String(i.width)), t.setAttribute("height", String(i.height));
	let a = document.createElementNS("http://www.w3.org/2000/svg", "rect");
	return a.setAttribute("width", "100%"), a.setAttribute("height", "100%"), a.setAttribute("fill", getComputedStyle(e).getPropertyValue("--card") || "#fff"), t.prepend(a), new XMLSerializer().serializeToString(t);
}
async function p(e, t) {
	let n = t.viewBox.baseVal, r = new Image();
	r.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(e)}`, await r.decode();
	let i = document.createElement("canvas");
	return i.width = 2 * n.width, i.height = 2 * n.height, i.getContext("2d").drawImage(r, 0, 0, i.width, i.height), new Promise((e, t) => i.toBlob((n) => n ? e(n) : t(/* @__PURE__ */ Error("the picture could not be made")), "image/png"));
}
function m(e, t) {
	let n = document.createElement("a");
	n.href = URL.createObjectURL(t), n.download = e, n.click(), setTimeout(() => URL.revokeObjectURL(n.href), 1e4);
}
// src/parts/dom.ts
var h = "http://www.w3.org/2000/svg";
function g(e, t = {}, ...n) {
	return v(document.createElement(e), t, n);
}
function _(e, t = {}, ...n) {
	return v(document.createElementNS(h, e), t, n);
}
function v(e, t, n) {
	for (let [n, r] of Object.entries(t)) r != null && r !== !1 && (typeof r == "function" ? e.addEventListener(n.slice(2).toLowerCase(), r) : e.setAttribute(n, r === !0 ? "" : String(r)));
	return y(e, n), e;
}
function y(e, t) {
	for (let n of t) n != null && n !== !1 && e.append(n);
}
function b(e, ...t) {
	return e.replaceChildren(), y(e, t), e;
}
function x(e, t) {
	e.textContent !== t && (e.textContent = t);
}
var S = 0;
function C(e) {
	return S += 1, `retort-${e}-${S}`;
}
// src/parts/state.ts
var w = .3, T = class {
	values;
	listeners = /* @__PURE__ */ new Set();
	timer;
	inAddress;
	constructor(e) {
		this.inAddress = e, this.values = e ? E() : /* @__PURE__ */ new Map(), e && window.addEventListener("hashchange", () => this.adopt(E()));
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
function E() {
	return new Map(new URLSearchParams(location.hash.slice(1)));
}
// src/parts/theme.ts
var ee = {
	auto: "light",
	light: "dark",
	dark: "auto"
}, te = "retort-theme";
function ne(e) {
	let t = re(), n = g("button", {
		type: "button",
		class: "quiet",
		onclick: () => r(ee[t])
	}), r = (r) => {
		t = r, e.dataset.theme = t, n.textContent = {
			auto: "◐ auto",
			light: "○ light",
			dark: "● dark"
		}[t], n.setAttribute("aria-label", `Colours: ${t}. Change to ${ee[t]}.`);
		try {
			localStorage.setItem(te, t);
		} catch {}
	};
	return r(t), n;
}
function re() {
	try {
		let e = localStorage.getItem(te);
		return e === "light" || e === "dark" ? e : "auto";
	} catch {
		return "auto";
	}
}
// src/math/window.ts
var ie = -745.2, ae = 2 ** -40, oe = 64, se = /* @__PURE__ */ new WeakMap();
function ce(e) {
	return {
		logits: e,
		temperature: 1,
		from: 0,
		to: e.length
	};
}
function le(e, t) {
	return t === 0 ? {
		...e,
		to: e.from + 1
	} : {
		...e,
		temperature: e.temperature * t
	};
}
function ue(e, t) {
	return (e.logits[t] - e.logits[e.from]) / e.temperature;
}
function D(e) {
	let t = se.get(e.logits);
	t === void 0 && se.set(e.logits, t = /* @__PURE__ */ new Map());
	let n = `${e.temperature}/${e.from}/${e.to}`, r = t.get(n);
	return r === void 0 && (t.size >= oe && t.clear(), t.set(n, r = de(e))), r;
}
function de(e) {
	let { logits: t, temperature: n, from: r, to: i } = e, a = t[r], o = 0, s = 0;
	for (let e = r; e < i; e++) {
		let r = (t[e] - a) / n;
		if (r < ie) break;
		let i = Math.exp(r);
		o += i, s += i * r;
	}
	return {
		total: o,
		entropy: Math.max(0, Math.log(o) - s / o)
	};
}
function fe(e, t) {
	return t < e.from || t >= e.to ? -Infinity : ue(e, t) - Math.log(D(e).total);
}
function O(e, t) {
	return Math.exp(fe(e, t));
}
function pe(e, t, n) {
	let r = Math.max(t, e.from), i = Math.min(n, e.to);
	if (r >= i) return 0;
	let { total: a } = D(e);
	return r === e.from && i === e.to ? 1 : r === e.from && i - r > e.to - i ? 1 - me(e, i, e.to) / a : Math.min(1, me(e, r, i) / a);
}
function me(e, t, n) {
	let r = 0;
	for (let i = t; i < n; i++) {
		let t = ue(e, i);
		if (t < ie) break;
		r += Math.exp(t);
	}
	return r;
}
function he(e) {
	return e.to - e.from < 2 ? Infinity : e.logits[e.from] - e.logits[e.from + 1];
}
function ge(e, t) {
	let n = e.to - e.from;
	if (t >= 1) return n;
	let r = t * D(e).total * (1 - ae), i = 0;
	for (let t = e.from; t < e.to; t++) if (i += Math.exp(ue(e, t)), i >= r) return t - e.from + 1;
	return n;
}
function _e(e, t) {
	let n = e.from, r = e.to;
	for (; n < r;) {
		let i = n + r >> 1;
		ue(e, i) >= t ? n = i + 1 : r = i;
	}
	return n;
}
// src/math/transforms.ts
var ve = 1e-12;
function ye(e, t) {
	return {
		...e,
		to: Math.min(e.to, e.from + t)
	};
}
var be = [
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
		apply: le
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
		apply: ye
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
		apply: (e, t) => ye(e, ge(e, t))
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
			to: _e(e, Math.log(t) - ve)
		})
	}
], k = new Map(be.map((e) => [e.name, e])), xe = new Map(be.flatMap((e) => [e.name, ...e.aliases].map((t) => [t, e])));
function Se(e) {
	return xe.get(e.trim().toLowerCase().replaceAll("-", "_"));
}
// src/math/chain.ts
var Ce = class extends Error {};
function we(e) {
	return e.trim() === "" ? [] : De(e.split("|").map(Te));
}
function Te(e) {
	let [t, n] = e.split("=").map((e) => e.trim());
	if (!t || !n) throw new Ce(`a stage is written name=value, got “${e.trim()}”; for example temperature=0.8 | top_p=0.9`);
	let r = Se(t);
	if (r === void 0) throw new Ce(`the page does not compute “${t}”; it knows ${[...k.keys()].join(", ")}`);
	return {
		name: r.name,
		value: Ee(r, Number(n), n)
	};
}
function Ee(e, t, n = String(t)) {
	if (e.off.includes(t) || t >= e.low && t <= e.high && Number.isFinite(t) && !(e.whole && t % 1)) return t;
	let r = Number.isFinite(e.high) ? `from ${e.low} to ${e.high}` : `of ${e.low} or more`;
	throw new Ce(`${e.name} must be a ${e.whole ? "whole " : ""}number ${r}, got ${n}`);
}
function De(e) {
	let t = e.filter(Oe);
	if (t.filter((e) => e.name === "temperature").length > 1) throw new Ce("a chain may hold temperature once; two in a row are one temperature, their product");
	return t;
}
function Oe(e) {
	return !k.get(e.name).off.includes(e.value);
}
function ke(e) {
	return e.map((e) => `${e.name}=${e.value}`).join(" | ");
}
function Ae(e) {
	return e.find((e) => e.name === "temperature")?.value ?? 1;
}
function je(e, t) {
	let n = {
		name: "temperature",
		value: t
	};
	return e.some((e) => e.name === "temperature") ? e.map((e) => e.name === "temperature" ? n : e) : [n, ...e];
}
function Me(e, t) {
	return Oe(t) ? k.get(t.name).apply(e, t.value) : e;
}
function Ne(e, t) {
	return t.reduce(Me, e);
}
function Pe(e, t) {
	let n = ce(t), r = n, i = n, a = [];
	for (let t of e) {
		let e = Me(r, t);
		!k.get(t.name).truncates && t.value !== 0 && (i = Me(i, t)), a.push({
			stage: t,
			before: r,
			after: e,
			kept: A(e),
			removed: A(r) - A(e),
			keptMass: pe(r, e.from, e.to),
			keptMassTotal: pe(i, e.from, e.to)
		}), r = e;
	}
	let o = Ae(e);
	return {
		raw: n,
		tempered: o === 0 ? Me(n, {
			name: "temperature",
			value: 0
		}) : {
			...n,
			temperature: o
		},
		processed: r,
		stages: a,
		warnings: Re(e, n, a)
	};
}
function A(e) {
	return e.to - e.from;
}
function Fe(e, t) {
	return t >= e.processed.from && t < e.processed.to ? null : e.stages.find(({ after: e }) => t < e.from || t >= e.to)?.stage ?? null;
}
function Ie(e) {
	let t = ge(e.raw, .9);
	return pe(e.processed, t, e.raw.to);
}
function Le(e) {
	return Math.exp(D(e).entropy);
}
function Re(e, t, n) {
	let r = e.filter((e) => k.get(e.name).truncates), i = Ne(t, e);
	if (Ae(e) === 0) return r.length === 0 ? [] : [`temperature=0 takes the most likely token in any case, so ${Ve(r)} cannot change the result.`];
	let a = [];
	for (let o of n) if (r.includes(o.stage)) {
		if (o.removed === 0) {
			let e = o.kept === 1 ? "one token reaches it" : `it keeps all ${He(o.kept)} that reach it`;
			a.push(`${Be(o.stage)} removes nothing here: ${e}.`);
		} else ze(Ne(t, e.filter((e) => e !== o.stage)), i) && a.push(`${Be(o.stage)} is made moot by the rest: without it the same ${He(A(i))} would be kept.`);
	}
	let o = r.map((n) => A(Ne(t, e.filter((e) => e === n || !r.includes(e)))));
	if (r.length > 1 && A(i) < Math.min(...o)) {
		let e = r.map((e, t) => `${Be(e)} alone keeps ${o[t].toLocaleString("en")}`);
		a.push(`together the stages keep ${He(A(i))}, fewer than any of them alone (${e.join(", ")}).`);
	}
	let s = e.findIndex((e) => e.name === "temperature"), c = e.slice(0, Math.max(s, 0)).filter((e) => r.includes(e));
	if (c.length > 0) {
		let n = e[s], r = A(Ne(t, [n, ...e.filter((e) => e !== n)]));
		r !== A(i) && a.push(`${Ve(c)} comes before ${Be(n)} and does not see it: ${He(A(i))} remain, and would be ${r.toLocaleString("en")} with temperature first.`);
	}
	return r.length > 0 && A(i) === 1 && A(t) > 1 && a.push("one token is left, so every draw here is the greedy token, whatever temperature and seed."), a;
}
function ze(e, t) {
	return e.from === t.from && e.to === t.to;
}
function Be(e) {
	return `${e.name}=${e.value}`;
}
function Ve(e) {
	let t = e.map(Be);
	return t.length < 2 ? t.join("") : `${t.slice(0, -1).join(", ")} and ${t.at(-1)}`;
}
function He(e) {
	return `${e.toLocaleString("en")} ${e === 1 ? "token" : "tokens"}`;
}
// src/math/unpack.ts
var Ue = 64, We = 24, Ge = 5;
function Ke(e) {
	let t = Ye(e.data);
	if (e.encoding === "float64") {
		let n = new DataView(t.buffer);
		return Float64Array.from({ length: e.count }, (e, t) => n.getFloat64(8 * t, !0));
	}
	if (e.encoding !== "rice32") throw Error(`logits are packed as ${e.encoding}, which this page cannot read`);
	return qe(t, e.count);
}
function qe(e, t) {
	let n = new Je(e), r = new Float64Array(t), i = /* @__PURE__ */ new Uint32Array(1), a = new Float32Array(i.buffer), o = 4294967295, s = 0;
	for (let e = 0; e < t; e++) {
		e % Ue === 0 && (s = n.read(Ge));
		let t = n.zeros();
		o -= t === We ? n.read(32) : t * 2 ** s + n.read(s), i[0] = o >= 2147483648 ? o - 2147483648 : 4294967295 - o, r[e] = a[0];
	}
	return r;
}
var Je = class {
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
function Ye(e) {
	let t = atob(e), n = new Uint8Array(t.length);
	for (let e = 0; e < t.length; e++) n[e] = t.charCodeAt(e);
	return n;
}
// src/parts/format.ts
function Xe(e) {
	if (e === 0) return "0 %";
	if (e >= 1e-4) return `${(100 * e).toFixed(2)} %`;
	let [t, n] = e.toExponential(1).split("e");
	return `${t}·10${$e(Number(n))}`;
}
function j(e) {
	if (e == null || Number.isNaN(e)) return "–";
	if (!Number.isFinite(e)) return e > 0 ? "∞" : "−∞";
	let t = Math.abs(e);
	if (t !== 0 && (t < 1e-4 || t >= 1e6)) {
		let [t, n] = e.toExponential(2).split("e");
		return Qe(`${t}·10${$e(Number(n))}`);
	}
	return Qe(t >= 1e3 ? M(e) : String(Number(e.toPrecision(4))));
}
function M(e) {
	return Qe(Math.round(e).toLocaleString("en"));
}
function Ze(e) {
	return String(Number(e.toFixed(4)));
}
function Qe(e) {
	return e.replace("-", "−");
}
function $e(e) {
	return String(e).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
// src/parts/tokens.ts
var et = {
	" ": ["␣", "space"],
	"\n": ["↵", "line break"],
	"	": ["⇥", "tab"],
	"\r": ["␍", "carriage return"],
	"\xA0": ["⍽", "no-break space"],
	"　": ["□", "wide space"]
}, tt = /<0x([0-9A-F]{2})>/, nt = /^<(?:\||\/)?[A-Za-z][\w .|/-]*(?:\|)?>$/, rt = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}\p{Co}\p{Cn}\p{Cs}]|[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\u{e0000}-\u{e0fff}]/u, it = /[\u200d\ufe0f]/, at = /\p{Extended_Pictographic}/u;
function ot(e) {
	return e === "" ? [{
		text: "∅",
		kind: "sign",
		spoken: "empty"
	}] : nt.test(e) && !tt.test(e) ? [{
		text: e,
		kind: "marker",
		spoken: `marker ${e}`
	}] : e.split(/(<0x[0-9A-F]{2}>)/).flatMap((e) => {
		let t = tt.exec(e);
		return t ? [{
			text: `⟨${t[1]}⟩`,
			kind: "byte",
			spoken: `byte ${t[1]}`
		}] : st(e);
	});
}
function st(e) {
	let t = [], n = [...e];
	return n.forEach((e, r) => {
		let i = et[e];
		if (i) t.push({
			text: i[0],
			kind: "sign",
			spoken: i[1]
		});
		else if (rt.test(e) || it.test(e) && !ct(n, r)) {
			let n = e.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
			t.push({
				text: `⟨U+${n}⟩`,
				kind: "byte",
				spoken: `character U+${n}`
			});
		} else {
			let n = t.at(-1), r = /\p{M}/u.test(e) && !it.test(e) && n?.kind !== "plain" ? `◌${e}` : e;
			n?.kind === "plain" ? (n.text += r, n.spoken += e) : t.push({
				text: r,
				kind: "plain",
				spoken: e
			});
		}
	}), t;
}
function ct(e, t) {
	return t > 0 && (at.test(e[t - 1]) || it.test(e[t - 1]) || /\p{Emoji_Modifier}/u.test(e[t - 1]));
}
function lt(e) {
	return g("bdi", { class: "token" }, ...ot(e).map((e) => e.kind === "plain" ? e.text : g("span", { class: `piece-${e.kind}` }, e.text)));
}
function ut(e) {
	return ot(e).map((e) => e.spoken).join(" ");
}
// src/parts/bars.ts
function dt(e, t, n, r) {
	let i = g("tbody"), a = [], o = Math.min(n, e.tokens.length, t.length);
	for (let n = 0; n < o; n++) {
		let o = ft(e, n, t[n], r);
		a.push(o), i.append(o.element);
	}
	let s = u(), c = g("table", { class: "bars" }, g("caption", { class: "sr" }, "The most likely tokens, with their raw and processed probability"), g("thead", {}, g("tr", {}, g("th", { scope: "col" }, "token"), g("th", {
		scope: "col",
		class: "figure wide-only"
	}, "logit"), g("th", {
		scope: "col",
		class: "figure raw-ink"
	}, "raw"), g("th", {
		scope: "col",
		class: "figure processed-ink"
	}, "processed"), g("th", {
		scope: "col",
		class: "bar-head"
	}, g("span", { class: "sr" }, "bars and "), "what removed it"))), i, o < t.length ? g("tbody", { class: "tail" }, s.element) : null);
	function l(e) {
		let { raw: t, processed: n } = e, r = pe(t, o, t.to), i = pe(n, o, n.to), c = Math.max(O(t, 0), O(n, n.from), r, i);
		a.forEach((r, i) => {
			let a = Fe(e, i);
			mt(r, O(t, i), O(n, i), c, a === null ? "" : `${a.name}=${a.value}`);
			let o = e.stages.some((e) => e.removed > 0 && e.after.to === i + 1);
			r.element.classList.toggle("last-kept", o);
		});
		let l = Math.max(0, n.to - Math.max(o, n.from));
		mt(s, r, i, c, ""), x(s.fate, `${M(l)} kept, ${M(A(t) - o - l)} removed`), s.element.classList.toggle("removed", l === 0);
	}
	function u() {
		return pt(g("th", {
			scope: "row",
			class: "token-cell"
		}, `${M(t.length - o)} more tokens`), g("td", { class: "figure wide-only" }));
	}
	return {
		element: c,
		draw: l
	};
}
function ft(e, t, n, r) {
	let i = e.tokens[t], a = lt(i), o = g("th", {
		scope: "row",
		class: "token-cell",
		title: `${ut(i)}; id ${e.ids[t]}, rank ${t + 1}`
	});
	return r ? b(o, g("button", {
		type: "button",
		class: "pick",
		"aria-label": `Continue with ${ut(i)}`,
		onclick: () => r(t)
	}, a)) : b(o, a), pt(o, g("td", { class: "figure wide-only" }, j(n)));
}
function pt(e, t) {
	let n = g("td", { class: "figure raw-ink" }), r = g("td", { class: "figure processed-ink" }), i = g("span", { class: "bar bar-raw" }), a = g("span", { class: "bar bar-processed" }), o = g("span", { class: "wide-only" }), s = g("span");
	return {
		element: g("tr", {}, e, t, n, r, g("td", { class: "bar-cell" }, g("span", {
			class: "bar-box",
			"aria-hidden": "true"
		}, i, a), g("span", { class: "fate" }, o, s))),
		raw: n,
		processed: r,
		rawBar: i,
		processedBar: a,
		fate: s,
		by: o
	};
}
function mt(e, t, n, r, i) {
	x(e.raw, Xe(t)), x(e.processed, i ? "–" : Xe(n)), e.raw.dataset.value = String(t), e.processed.dataset.value = String(n), e.rawBar.style.transform = `scaleX(${t / r})`, e.processedBar.style.transform = `scaleX(${n / r})`, e.element.classList.toggle("removed", i !== ""), x(e.by, i ? "removed by " : ""), x(e.fate, i);
}
// src/parts/chainEditor.ts
function ht(e, t) {
	let n = [], r = g("ol", {
		class: "chain",
		"aria-label": "Chain of stages, in the order in which they apply"
	}), i = g("select", {
		class: "chain-add",
		"aria-label": "Add a stage at the end",
		onchange: () => m(i.value)
	}), a = g("p", {
		class: "error",
		role: "alert"
	}), o = g("div", { class: "chain-editor" }, r, g("div", { class: "chain-tools" }, i), a), s = () => n.map((e) => e.stage), c = () => e(s());
	function l(e) {
		let t = s().filter(Oe);
		if (ke(e) === ke(t)) return;
		let r = [...n];
		n = e.map((e) => {
			let t = r.findIndex((t) => t.stage.name === e.name), n = t >= 0 ? r.splice(t, 1)[0] : f(e);
			return d(n, e), n;
		}), u();
	}
	function u() {
		let e = document.activeElement, t = n.map((e) => e.item);
		(t.length !== r.children.length || t.some((e, t) => r.children[t] !== e)) && (b(r, ...t), e instanceof HTMLElement && r.contains(e) && e.focus()), n.forEach((e, t) => {
			e.handle.setAttribute("aria-label", `${e.stage.name}, stage ${t + 1} of ${n.length}. Arrow keys move it, Delete removes it.`);
		});
		let a = [...k.values()].filter((e) => !n.some((t) => t.stage.name === e.name));
		b(i, g("option", { value: "" }, "+ add a stage"), ...a.map((e) => g("option", { value: e.name }, `${e.name}: ${e.help}`))), i.hidden = a.length === 0;
	}
	function d(e, t) {
		e.stage = t, document.activeElement !== e.number && (e.number.value = String(t.value)), e.range.value = String(t.value), e.range.setAttribute("aria-valuetext", `${t.name} ${t.value}`);
	}
	function f(e) {
		let t = k.get(e.name), n = C(e.name), r = g("button", {
			type: "button",
			class: "handle",
			title: "Drag, or use the arrow keys, to change the order"
		}, g("span", { "aria-hidden": "true" }, "⠿")), { low: i, high: a, step: o } = t.slider, s = g("input", {
			type: "range",
			min: i,
			max: a,
			step: o,
			"aria-label": e.name,
			"data-stage": e.name
		}), c = g("input", {
			id: n,
			type: "number",
			min: t.low,
			step: "any",
			inputmode: "decimal",
			"data-number": e.name
		}), l = g("p", { class: "effect" }), u = g("button", {
			type: "button",
			class: "quiet remove",
			"aria-label": `Remove ${e.name}`
		}, g("span", { "aria-hidden": "true" }, "×")), f = {
			stage: e,
			item: g("li", {
				class: "stage",
				"data-name": e.name
			}, r, g("label", {
				for: n,
				class: "stage-name",
				title: t.help
			}, e.name), t.name === "temperature" ? null : s, c, u, l),
			handle: r,
			range: s,
			number: c,
			effect: l
		};
		return s.addEventListener("input", () => p(f, t, s.value)), c.addEventListener("input", () => p(f, t, c.value)), c.addEventListener("blur", () => d(f, f.stage)), u.addEventListener("click", () => h(f)), r.addEventListener("keydown", (e) => v(f, e)), y(f), f;
	}
	function p(e, t, n) {
		try {
			if (n.trim() === "") return;
			d(e, {
				name: t.name,
				value: Ee(t, Number(n), n)
			}), e.number.removeAttribute("aria-invalid"), x(a, ""), c();
		} catch (t) {
			e.number.setAttribute("aria-invalid", "true"), x(a, t.message);
		}
	}
	function m(e) {
		let r = Se(e);
		if (r === void 0) return;
		let i = f({
			name: r.name,
			value: r.initial
		});
		d(i, i.stage), n.push(i), u(), c(), i.number.focus(), t(`${e} added as stage ${n.length}`);
	}
	function h(e) {
		let r = n.indexOf(e);
		n.splice(r, 1), u(), c(), t(`${e.stage.name} removed`), (n[Math.min(r, n.length - 1)]?.handle ?? i).focus();
	}
	function _(e, r) {
		let i = n.indexOf(e);
		r < 0 || r >= n.length || r === i || (n.splice(i, 1), n.splice(r, 0, e), u(), c(), t(`${e.stage.name} is now stage ${r + 1} of ${n.length}`));
	}
	function v(e, t) {
		let r = n.indexOf(e), i = {
			ArrowUp: r - 1,
			ArrowLeft: r - 1,
			ArrowDown: r + 1,
			ArrowRight: r + 1
		}[t.key];
		if (i !== void 0) _(e, i);
		else if (t.key === "Delete" || t.key === "Backspace") h(e);
		else return;
		t.preventDefault(), e.handle.focus();
	}
	function y(e) {
		e.handle.addEventListener("pointerdown", (t) => {
			if (t.button !== 0) return;
			t.preventDefault(), e.handle.focus(), e.handle.setPointerCapture(t.pointerId), e.item.classList.add("dragged");
			let r = (t) => {
				let r = n.findIndex(({ item: e }) => {
					let n = e.getBoundingClientRect();
					return t.clientY >= n.top && t.clientY < n.bottom;
				});
				r >= 0 && _(e, r);
			}, i = () => {
				e.item.classList.remove("dragged"), e.handle.removeEventListener("pointermove", r), e.handle.removeEventListener("pointerup", i), e.handle.removeEventListener("pointercancel", i);
			};
			e.handle.addEventListener("pointermove", r), e.handle.addEventListener("pointerup", i), e.handle.addEventListener("pointercancel", i);
		});
	}
	function S(e) {
		for (let t of n) {
			let n = e.find((e) => e.stage.name === t.stage.name);
			x(t.effect, n === void 0 ? "off" : gt(n));
		}
	}
	return u(), {
		element: o,
		show: l,
		report: S
	};
}
function gt(e) {
	return !k.get(e.stage.name).truncates && e.removed === 0 ? e.stage.value === 1 ? "leaves the model as it is" : e.stage.value < 1 ? "sharpens" : "flattens" : `keeps ${M(e.kept)}, removes ${M(e.removed)}; keeps ${Xe(e.keptMass)} of the mass that came in`;
}
// src/parts/frame.ts
function _t(e) {
	let t = !1;
	return () => {
		t || (t = !0, requestAnimationFrame(() => {
			t = !1, e();
		}));
	};
}
function vt(e, t, n) {
	let r = 0, i = new ResizeObserver(([i]) => {
		let a = Math.max(280, Math.round(i.contentRect.width));
		a !== r && i.contentRect.width !== 0 && (r = a, e.setAttribute("viewBox", `0 0 ${a} ${t}`), n(a));
	});
	return i.observe(e), () => i.disconnect();
}
// node_modules/d3-array/src/ascending.js
function yt(e, t) {
	return e == null || t == null ? NaN : e < t ? -1 : e > t ? 1 : e >= t ? 0 : NaN;
}
// node_modules/d3-array/src/descending.js
function bt(e, t) {
	return e == null || t == null ? NaN : t < e ? -1 : t > e ? 1 : t >= e ? 0 : NaN;
}
// node_modules/d3-array/src/bisector.js
function xt(e) {
	let t, n, r;
	e.length === 2 ? (t = e === yt || e === bt ? e : St, n = e, r = e) : (t = yt, n = (t, n) => yt(e(t), n), r = (t, n) => e(t) - n);
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
function St() {
	return 0;
}
// node_modules/d3-array/src/number.js
function Ct(e) {
	return e === null ? NaN : +e;
}
// node_modules/d3-array/src/bisect.js
var wt = xt(yt), Tt = wt.right;
wt.left, xt(Ct).center;
// node_modules/d3-array/src/ticks.js
var Et = Math.sqrt(50), Dt = Math.sqrt(10), Ot = Math.sqrt(2);
function kt(e, t, n) {
	let r = (t - e) / Math.max(0, n), i = Math.floor(Math.log10(r)), a = r / 10 ** i, o = a >= Et ? 10 : a >= Dt ? 5 : a >= Ot ? 2 : 1, s, c, l;
	return i < 0 ? (l = 10 ** -i / o, s = Math.round(e * l), c = Math.round(t * l), s / l < e && ++s, c / l > t && --c, l = -l) : (l = 10 ** i * o, s = Math.round(e / l), c = Math.round(t / l), s * l < e && ++s, c * l > t && --c), c < s && .5 <= n && n < 2 ? kt(e, t, n * 2) : [
		s,
		c,
		l
	];
}
function At(e, t, n) {
	if (t = +t, e = +e, n = +n, !(n > 0)) return [];
	if (e === t) return [e];
	let r = t < e, [i, a, o] = r ? kt(t, e, n) : kt(e, t, n);
	if (!(a >= i)) return [];
	let s = a - i + 1, c = Array(s);
	if (r) {
		if (o < 0) for (let e = 0; e < s; ++e) c[e] = (a - e) / -o;
		else for (let e = 0; e < s; ++e) c[e] = (a - e) * o;
	} else if (o < 0) for (let e = 0; e < s; ++e) c[e] = (i + e) / -o;
	else for (let e = 0; e < s; ++e) c[e] = (i + e) * o;
	return c;
}
// node_modules/d3-scale/src/init.js
function jt(e, t) {
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
function N(e, t, n) {
	e.prototype = t.prototype = n, n.constructor = e;
}
function P(e, t) {
	var n = Object.create(e.prototype);
	for (var r in t) n[r] = t[r];
	return n;
}
function F() {}
var I = .7, L = 1 / I, R = "\\s*([+-]?\\d+)\\s*", z = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)\\s*", B = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)%\\s*", Mt = /^#([0-9a-f]{3,8})$/, Nt = RegExp(`^rgb\\(${R},${R},${R}\\)$`), Pt = RegExp(`^rgb\\(${B},${B},${B}\\)$`), Ft = RegExp(`^rgba\\(${R},${R},${R},${z}\\)$`), It = RegExp(`^rgba\\(${B},${B},${B},${z}\\)$`), Lt = RegExp(`^hsl\\(${z},${B},${B}\\)$`), Rt = RegExp(`^hsla\\(${z},${B},${B},${z}\\)$`), zt = {
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
N(F, V, {
	copy(e) {
		return Object.assign(new this.constructor(), this, e);
	},
	displayable() {
		return this.rgb().displayable();
	},
	hex: Bt,
	formatHex: Bt,
	formatHex8: Vt,
	formatHsl: Ht,
	formatRgb: Ut,
	toString: Ut
});
function Bt() {
	return this.rgb().formatHex();
}
function Vt() {
	return this.rgb().formatHex8();
}
function Ht() {
	return $t(this).formatHsl();
}
function Ut() {
	return this.rgb().formatRgb();
}
function V(e) {
	var t, n;
	return e = (e + "").trim().toLowerCase(), (t = Mt.exec(e)) ? (n = t[1].length, t = parseInt(t[1], 16), n === 6 ? Wt(t) : n === 3 ? new H(t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, (t & 15) << 4 | t & 15, 1) : n === 8 ? Gt(t >> 24 & 255, t >> 16 & 255, t >> 8 & 255, (t & 255) / 255) : n === 4 ? Gt(t >> 12 & 15 | t >> 8 & 240, t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, ((t & 15) << 4 | t & 15) / 255) : null) : (t = Nt.exec(e)) ? new H(t[1], t[2], t[3], 1) : (t = Pt.exec(e)) ? new H(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, 1) : (t = Ft.exec(e)) ? Gt(t[1], t[2], t[3], t[4]) : (t = It.exec(e)) ? Gt(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, t[4]) : (t = Lt.exec(e)) ? Qt(t[1], t[2] / 100, t[3] / 100, 1) : (t = Rt.exec(e)) ? Qt(t[1], t[2] / 100, t[3] / 100, t[4]) : zt.hasOwnProperty(e) ? Wt(zt[e]) : e === "transparent" ? new H(NaN, NaN, NaN, 0) : null;
}
function Wt(e) {
	return new H(e >> 16 & 255, e >> 8 & 255, e & 255, 1);
}
function Gt(e, t, n, r) {
	return r <= 0 && (e = t = n = NaN), new H(e, t, n, r);
}
function Kt(e) {
	return e instanceof F || (e = V(e)), e ? (e = e.rgb(), new H(e.r, e.g, e.b, e.opacity)) : new H();
}
function qt(e, t, n, r) {
	return arguments.length === 1 ? Kt(e) : new H(e, t, n, r ?? 1);
}
function H(e, t, n, r) {
	this.r = +e, this.g = +t, this.b = +n, this.opacity = +r;
}
N(H, qt, P(F, {
	brighter(e) {
		return e = e == null ? L : L ** +e, new H(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? I : I ** +e, new H(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	rgb() {
		return this;
	},
	clamp() {
		return new H(U(this.r), U(this.g), U(this.b), Zt(this.opacity));
	},
	displayable() {
		return -.5 <= this.r && this.r < 255.5 && -.5 <= this.g && this.g < 255.5 && -.5 <= this.b && this.b < 255.5 && 0 <= this.opacity && this.opacity <= 1;
	},
	hex: Jt,
	formatHex: Jt,
	formatHex8: Yt,
	formatRgb: Xt,
	toString: Xt
}));
function Jt() {
	return `#${W(this.r)}${W(this.g)}${W(this.b)}`;
}
function Yt() {
	return `#${W(this.r)}${W(this.g)}${W(this.b)}${W((isNaN(this.opacity) ? 1 : this.opacity) * 255)}`;
}
function Xt() {
	let e = Zt(this.opacity);
	return `${e === 1 ? "rgb(" : "rgba("}${U(this.r)}, ${U(this.g)}, ${U(this.b)}${e === 1 ? ")" : `, ${e})`}`;
}
function Zt(e) {
	return isNaN(e) ? 1 : Math.max(0, Math.min(1, e));
}
function U(e) {
	return Math.max(0, Math.min(255, Math.round(e) || 0));
}
function W(e) {
	return e = U(e), (e < 16 ? "0" : "") + e.toString(16);
}
function Qt(e, t, n, r) {
	return r <= 0 ? e = t = n = NaN : n <= 0 || n >= 1 ? e = t = NaN : t <= 0 && (e = NaN), new G(e, t, n, r);
}
function $t(e) {
	if (e instanceof G) return new G(e.h, e.s, e.l, e.opacity);
	if (e instanceof F || (e = V(e)), !e) return new G();
	if (e instanceof G) return e;
	e = e.rgb();
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = Math.min(t, n, r), a = Math.max(t, n, r), o = NaN, s = a - i, c = (a + i) / 2;
	return s ? (o = t === a ? (n - r) / s + (n < r) * 6 : n === a ? (r - t) / s + 2 : (t - n) / s + 4, s /= c < .5 ? a + i : 2 - a - i, o *= 60) : s = c > 0 && c < 1 ? 0 : o, new G(o, s, c, e.opacity);
}
function en(e, t, n, r) {
	return arguments.length === 1 ? $t(e) : new G(e, t, n, r ?? 1);
}
function G(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
N(G, en, P(F, {
	brighter(e) {
		return e = e == null ? L : L ** +e, new G(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? I : I ** +e, new G(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = this.h % 360 + (this.h < 0) * 360, t = isNaN(e) || isNaN(this.s) ? 0 : this.s, n = this.l, r = n + (n < .5 ? n : 1 - n) * t, i = 2 * n - r;
		return new H(rn(e >= 240 ? e - 240 : e + 120, i, r), rn(e, i, r), rn(e < 120 ? e + 240 : e - 120, i, r), this.opacity);
	},
	clamp() {
		return new G(tn(this.h), nn(this.s), nn(this.l), Zt(this.opacity));
	},
	displayable() {
		return (0 <= this.s && this.s <= 1 || isNaN(this.s)) && 0 <= this.l && this.l <= 1 && 0 <= this.opacity && this.opacity <= 1;
	},
	formatHsl() {
		let e = Zt(this.opacity);
		return `${e === 1 ? "hsl(" : "hsla("}${tn(this.h)}, ${nn(this.s) * 100}%, ${nn(this.l) * 100}%${e === 1 ? ")" : `, ${e})`}`;
	}
}));
function tn(e) {
	return e = (e || 0) % 360, e < 0 ? e + 360 : e;
}
function nn(e) {
	return Math.max(0, Math.min(1, e || 0));
}
function rn(e, t, n) {
	return (e < 60 ? t + (n - t) * e / 60 : e < 180 ? n : e < 240 ? t + (n - t) * (240 - e) / 60 : t) * 255;
}
var an = Math.PI / 180, on = 180 / Math.PI, sn = 18, cn = .96422, ln = 1, un = .82521, dn = 4 / 29, K = 6 / 29, fn = 3 * K * K, pn = K * K * K;
function mn(e) {
	if (e instanceof q) return new q(e.l, e.a, e.b, e.opacity);
	if (e instanceof J) return Sn(e);
	e instanceof H || (e = Kt(e));
	var t = yn(e.r), n = yn(e.g), r = yn(e.b), i = gn((.2225045 * t + .7168786 * n + .0606169 * r) / ln), a, o;
	return t === n && n === r ? a = o = i : (a = gn((.4360747 * t + .3850649 * n + .1430804 * r) / cn), o = gn((.0139322 * t + .0971045 * n + .7141733 * r) / un)), new q(116 * i - 16, 500 * (a - i), 200 * (i - o), e.opacity);
}
function hn(e, t, n, r) {
	return arguments.length === 1 ? mn(e) : new q(e, t, n, r ?? 1);
}
function q(e, t, n, r) {
	this.l = +e, this.a = +t, this.b = +n, this.opacity = +r;
}
N(q, hn, P(F, {
	brighter(e) {
		return new q(this.l + sn * (e ?? 1), this.a, this.b, this.opacity);
	},
	darker(e) {
		return new q(this.l - sn * (e ?? 1), this.a, this.b, this.opacity);
	},
	rgb() {
		var e = (this.l + 16) / 116, t = isNaN(this.a) ? e : e + this.a / 500, n = isNaN(this.b) ? e : e - this.b / 200;
		return t = cn * _n(t), e = ln * _n(e), n = un * _n(n), new H(vn(3.1338561 * t - 1.6168667 * e - .4906146 * n), vn(-.9787684 * t + 1.9161415 * e + .033454 * n), vn(.0719453 * t - .2289914 * e + 1.4052427 * n), this.opacity);
	}
}));
function gn(e) {
	return e > pn ? e ** (1 / 3) : e / fn + dn;
}
function _n(e) {
	return e > K ? e * e * e : fn * (e - dn);
}
function vn(e) {
	return 255 * (e <= .0031308 ? 12.92 * e : 1.055 * e ** (1 / 2.4) - .055);
}
function yn(e) {
	return (e /= 255) <= .04045 ? e / 12.92 : ((e + .055) / 1.055) ** 2.4;
}
function bn(e) {
	if (e instanceof J) return new J(e.h, e.c, e.l, e.opacity);
	if (e instanceof q || (e = mn(e)), e.a === 0 && e.b === 0) return new J(NaN, 0 < e.l && e.l < 100 ? 0 : NaN, e.l, e.opacity);
	var t = Math.atan2(e.b, e.a) * on;
	return new J(t < 0 ? t + 360 : t, Math.sqrt(e.a * e.a + e.b * e.b), e.l, e.opacity);
}
function xn(e, t, n, r) {
	return arguments.length === 1 ? bn(e) : new J(e, t, n, r ?? 1);
}
function J(e, t, n, r) {
	this.h = +e, this.c = +t, this.l = +n, this.opacity = +r;
}
function Sn(e) {
	if (isNaN(e.h)) return new q(e.l, 0, 0, e.opacity);
	var t = e.h * an;
	return new q(e.l, Math.cos(t) * e.c, Math.sin(t) * e.c, e.opacity);
}
N(J, xn, P(F, {
	brighter(e) {
		return new J(this.h, this.c, this.l + sn * (e ?? 1), this.opacity);
	},
	darker(e) {
		return new J(this.h, this.c, this.l - sn * (e ?? 1), this.opacity);
	},
	rgb() {
		return Sn(this).rgb();
	}
}));
var Cn = -.14861, wn = 1.78277, Tn = -.29227, En = -.90649, Dn = 1.97294, On = Dn * En, kn = Dn * wn, An = wn * Tn - En * Cn;
function jn(e) {
	if (e instanceof Y) return new Y(e.h, e.s, e.l, e.opacity);
	e instanceof H || (e = Kt(e));
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = (An * r + On * t - kn * n) / (An + On - kn), a = r - i, o = (Dn * (n - i) - Tn * a) / En, s = Math.sqrt(o * o + a * a) / (Dn * i * (1 - i)), c = s ? Math.atan2(o, a) * on - 120 : NaN;
	return new Y(c < 0 ? c + 360 : c, s, i, e.opacity);
}
function Mn(e, t, n, r) {
	return arguments.length === 1 ? jn(e) : new Y(e, t, n, r ?? 1);
}
function Y(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
N(Y, Mn, P(F, {
	brighter(e) {
		return e = e == null ? L : L ** +e, new Y(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? I : I ** +e, new Y(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = isNaN(this.h) ? 0 : (this.h + 120) * an, t = +this.l, n = isNaN(this.s) ? 0 : this.s * t * (1 - t), r = Math.cos(e), i = Math.sin(e);
		return new H(255 * (t + n * (Cn * r + wn * i)), 255 * (t + n * (Tn * r + En * i)), 255 * (t + Dn * r * n), this.opacity);
	}
}));
var Nn = (e) => () => e;
function Pn(e, t) {
	return function(n) {
		return e + n * t;
	};
}
function Fn(e, t, n) {
	return e **= +n, t = t ** +n - e, n = 1 / n, function(r) {
		return (e + r * t) ** +n;
	};
}
function In(e, t) {
	var n = t - e;
	return n ? Pn(e, n > 180 || n < -180 ? n - 360 * Math.round(n / 360) : n) : Nn(isNaN(e) ? t : e);
}
function Ln(e) {
	return (e = +e) == 1 ? X : function(t, n) {
		return n - t ? Fn(t, n, e) : Nn(isNaN(t) ? n : t);
	};
}
function X(e, t) {
	var n = t - e;
	return n ? Pn(e, n) : Nn(isNaN(e) ? t : e);
}
var Rn = (function e(t) {
	var n = Ln(t);
	function r(e, t) {
		var r = n((e = qt(e)).r, (t = qt(t)).r), i = n(e.g, t.g), a = n(e.b, t.b), o = X(e.opacity, t.opacity);
		return function(t) {
			return e.r = r(t), e.g = i(t), e.b = a(t), e.opacity = o(t), e + "";
		};
	}
	return r.gamma = e, r;
})(1);
function zn(e, t) {
	t ||= [];
	var n = e ? Math.min(t.length, e.length) : 0, r = t.slice(), i;
	return function(a) {
		for (i = 0; i < n; ++i) r[i] = e[i] * (1 - a) + t[i] * a;
		return r;
	};
}
function Bn(e) {
	return ArrayBuffer.isView(e) && !(e instanceof DataView);
}
function Vn(e, t) {
	for (var n = t ? t.length : 0, r = e ? Math.min(n, e.length) : 0, i = Array(r), a = Array(n), o = 0; o < r; ++o) i[o] = Xn(e[o], t[o]);
	for (; o < n; ++o) a[o] = t[o];
	return function(e) {
		for (o = 0; o < r; ++o) a[o] = i[o](e);
		return a;
	};
}
function Hn(e, t) {
	var n = /* @__PURE__ */ new Date();
	return e = +e, t = +t, function(r) {
		return n.setTime(e * (1 - r) + t * r), n;
	};
}
function Un(e, t) {
	return e = +e, t = +t, function(n) {
		return e * (1 - n) + t * n;
	};
}
function Wn(e, t) {
	var n = {}, r = {}, i;
	for (i in typeof e == "object" && e || (e = {}), typeof t == "object" && t || (t = {}), t) i in e ? n[i] = Xn(e[i], t[i]) : r[i] = t[i];
	return function(e) {
		for (i in n) r[i] = n[i](e);
		return r;
	};
}
var Gn = /[-+]?(?:\d+\.?\d*|\.?\d+)(?:[eE][-+]?\d+)?/g, Kn = new RegExp(Gn.source, "g");
function qn(e) {
	return function() {
		return e;
	};
}
function Jn(e) {
	return function(t) {
		return e(t) + "";
	};
}
function Yn(e, t) {
	var n = Gn.lastIndex = Kn.lastIndex = 0, r, i, a, o = -1, s = [], c = [];
	for (e += "", t += ""; (r = Gn.exec(e)) && (i = Kn.exec(t));) (a = i.index) > n && (a = t.slice(n, a), s[o] ? s[o] += a : s[++o] = a), (r = r[0]) === (i = i[0]) ? s[o] ? s[o] += i : s[++o] = i : (s[++o] = null, c.push({
		i: o,
		x: Un(r, i)
	})), n = Kn.lastIndex;
	return n < t.length && (a = t.slice(n), s[o] ? s[o] += a : s[++o] = a), s.length < 2 ? c[0] ? Jn(c[0].x) : qn(t) : (t = c.length, function(e) {
		for (var n = 0, r; n < t; ++n) s[(r = c[n]).i] = r.x(e);
		return s.join("");
	});
}
function Xn(e, t) {
	var n = typeof t, r;
	return t == null || n === "boolean" ? Nn(t) : (n === "number" ? Un : n === "string" ? (r = V(t)) ? (t = r, Rn) : Yn : t instanceof V ? Rn : t instanceof Date ? Hn : Bn(t) ? zn : Array.isArray(t) ? Vn : typeof t.valueOf != "function" && typeof t.toString != "function" || isNaN(t) ? Wn : Un)(e, t);
}
function Zn(e, t) {
	return e = +e, t = +t, function(n) {
		return Math.round(e * (1 - n) + t * n);
	};
}
var Qn = 1e-12;
function $n(e) {
	return ((e = Math.exp(e)) + 1 / e) / 2;
}
function er(e) {
	return ((e = Math.exp(e)) - 1 / e) / 2;
}
function tr(e) {
	return ((e = Math.exp(2 * e)) - 1) / (e + 1);
}
(function e(t, n, r) {
	function i(e, i) {
		var a = e[0], o = e[1], s = e[2], c = i[0], l = i[1], u = i[2], d = c - a, f = l - o, p = d * d + f * f, m, h;
		if (p < Qn) h = Math.log(u / s) / t, m = function(e) {
			return [
				a + e * d,
				o + e * f,
				s * Math.exp(t * e * h)
			];
		};
		else {
			var g = Math.sqrt(p), _ = (u * u - s * s + r * p) / (2 * s * n * g), v = (u * u - s * s - r * p) / (2 * u * n * g), y = Math.log(Math.sqrt(_ * _ + 1) - _);
			h = (Math.log(Math.sqrt(v * v + 1) - v) - y) / t, m = function(e) {
				var r = e * h, i = $n(y), c = s / (n * g) * (i * tr(t * r + y) - er(y));
				return [
					a + c * d,
					o + c * f,
					s * i / $n(t * r + y)
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
function nr(e) {
	return (function t(n) {
		n = +n;
		function r(t, r) {
			var i = e((t = Mn(t)).h, (r = Mn(r)).h), a = X(t.s, r.s), o = X(t.l, r.l), s = X(t.opacity, r.opacity);
			return function(e) {
				return t.h = i(e), t.s = a(e), t.l = o(e ** +n), t.opacity = s(e), t + "";
			};
		}
		return r.gamma = t, r;
	})(1);
}
nr(In), nr(X);
// node_modules/d3-scale/src/constant.js
function rr(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-scale/src/number.js
function ir(e) {
	return +e;
}
// node_modules/d3-scale/src/continuous.js
var ar = [0, 1];
function or(e) {
	return e;
}
function sr(e, t) {
	return (t -= e = +e) ? function(n) {
		return (n - e) / t;
	} : rr(isNaN(t) ? NaN : .5);
}
function cr(e, t) {
	var n;
	return e > t && (n = e, e = t, t = n), function(n) {
		return Math.max(e, Math.min(t, n));
	};
}
function lr(e, t, n) {
	var r = e[0], i = e[1], a = t[0], o = t[1];
	return i < r ? (r = sr(i, r), a = n(o, a)) : (r = sr(r, i), a = n(a, o)), function(e) {
		return a(r(e));
	};
}
function ur(e, t, n) {
	var r = Math.min(e.length, t.length) - 1, i = Array(r), a = Array(r), o = -1;
	for (e[r] < e[0] && (e = e.slice().reverse(), t = t.slice().reverse()); ++o < r;) i[o] = sr(e[o], e[o + 1]), a[o] = n(t[o], t[o + 1]);
	return function(t) {
		var n = Tt(e, t, 1, r) - 1;
		return a[n](i[n](t));
	};
}
function dr(e, t) {
	return t.domain(e.domain()).range(e.range()).interpolate(e.interpolate()).clamp(e.clamp()).unknown(e.unknown());
}
function fr() {
	var e = ar, t = ar, n = Xn, r, i, a, o = or, s, c, l;
	function u() {
		var n = Math.min(e.length, t.length);
		return o !== or && (o = cr(e[0], e[n - 1])), s = n > 2 ? ur : lr, c = l = null, d;
	}
	function d(i) {
		return i == null || isNaN(i = +i) ? a : (c ||= s(e.map(r), t, n))(r(o(i)));
	}
	return d.invert = function(n) {
		return o(i((l ||= s(t, e.map(r), Un))(n)));
	}, d.domain = function(t) {
		return arguments.length ? (e = Array.from(t, ir), u()) : e.slice();
	}, d.range = function(e) {
		return arguments.length ? (t = Array.from(e), u()) : t.slice();
	}, d.rangeRound = function(e) {
		return t = Array.from(e), n = Zn, u();
	}, d.clamp = function(e) {
		return arguments.length ? (o = e ? !0 : or, u()) : o !== or;
	}, d.interpolate = function(e) {
		return arguments.length ? (n = e, u()) : n;
	}, d.unknown = function(e) {
		return arguments.length ? (a = e, d) : a;
	}, function(e, t) {
		return r = e, i = t, u();
	};
}
// node_modules/d3-format/dist/d3-format.mjs
function pr(e) {
	return Math.abs(e = Math.round(e)) >= 1e21 ? e.toLocaleString("en").replace(/,/g, "") : e.toString(10);
}
function mr(e, t) {
	if (!isFinite(e) || e === 0) return null;
	var n = (e = t ? e.toExponential(t - 1) : e.toExponential()).indexOf("e"), r = e.slice(0, n);
	return [r.length > 1 ? r[0] + r.slice(2) : r, +e.slice(n + 1)];
}
function hr(e) {
	return e = mr(Math.abs(e)), e ? e[1] : NaN;
}
function gr(e, t) {
	return function(n, r) {
		for (var i = n.length, a = [], o = 0, s = e[0], c = 0; i > 0 && s > 0 && (c + s + 1 > r && (s = Math.max(1, r - c)), a.push(n.substring(i -= s, i + s)), !((c += s + 1) > r));) s = e[o = (o + 1) % e.length];
		return a.reverse().join(t);
	};
}
function _r(e) {
	return function(t) {
		return t.replace(/[0-9]/g, function(t) {
			return e[+t];
		});
	};
}
var vr = /^(?:(.)?([<>=^]))?([+\-( ])?([$#])?(0)?(\d+)?(,)?(\.\d+)?(~)?([a-z%])?$/i;
function yr(e) {
	if (!(t = vr.exec(e))) throw Error("invalid format: " + e);
	var t;
	return new br({
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
yr.prototype = br.prototype;
function br(e) {
	this.fill = e.fill === void 0 ? " " : e.fill + "", this.align = e.align === void 0 ? ">" : e.align + "", this.sign = e.sign === void 0 ? "-" : e.sign + "", this.symbol = e.symbol === void 0 ? "" : e.symbol + "", this.zero = !!e.zero, this.width = e.width === void 0 ? void 0 : +e.width, this.comma = !!e.comma, this.precision = e.precision === void 0 ? void 0 : +e.precision, this.trim = !!e.trim, this.type = e.type === void 0 ? "" : e.type + "";
}
br.prototype.toString = function() {
	return this.fill + this.align + this.sign + this.symbol + (this.zero ? "0" : "") + (this.width === void 0 ? "" : Math.max(1, this.width | 0)) + (this.comma ? "," : "") + (this.precision === void 0 ? "" : "." + Math.max(0, this.precision | 0)) + (this.trim ? "~" : "") + this.type;
};
function xr(e) {
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
var Sr;
function Cr(e, t) {
	var n = mr(e, t);
	if (!n) return Sr = void 0, e.toPrecision(t);
	var r = n[0], i = n[1], a = i - (Sr = Math.max(-8, Math.min(8, Math.floor(i / 3))) * 3) + 1, o = r.length;
	return a === o ? r : a > o ? r + Array(a - o + 1).join("0") : a > 0 ? r.slice(0, a) + "." + r.slice(a) : "0." + Array(1 - a).join("0") + mr(e, Math.max(0, t + a - 1))[0];
}
function wr(e, t) {
	var n = mr(e, t);
	if (!n) return e + "";
	var r = n[0], i = n[1];
	return i < 0 ? "0." + Array(-i).join("0") + r : r.length > i + 1 ? r.slice(0, i + 1) + "." + r.slice(i + 1) : r + Array(i - r.length + 2).join("0");
}
var Tr = {
	"%": (e, t) => (e * 100).toFixed(t),
	b: (e) => Math.round(e).toString(2),
	c: (e) => e + "",
	d: pr,
	e: (e, t) => e.toExponential(t),
	f: (e, t) => e.toFixed(t),
	g: (e, t) => e.toPrecision(t),
	o: (e) => Math.round(e).toString(8),
	p: (e, t) => wr(e * 100, t),
	r: wr,
	s: Cr,
	X: (e) => Math.round(e).toString(16).toUpperCase(),
	x: (e) => Math.round(e).toString(16)
};
function Er(e) {
	return e;
}
var Dr = Array.prototype.map, Or = [
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
function kr(e) {
	var t = e.grouping === void 0 || e.thousands === void 0 ? Er : gr(Dr.call(e.grouping, Number), e.thousands + ""), n = e.currency === void 0 ? "" : e.currency[0] + "", r = e.currency === void 0 ? "" : e.currency[1] + "", i = e.decimal === void 0 ? "." : e.decimal + "", a = e.numerals === void 0 ? Er : _r(Dr.call(e.numerals, String)), o = e.percent === void 0 ? "%" : e.percent + "", s = e.minus === void 0 ? "−" : e.minus + "", c = e.nan === void 0 ? "NaN" : e.nan + "";
	function l(e, l) {
		e = yr(e);
		var u = e.fill, d = e.align, f = e.sign, p = e.symbol, m = e.zero, h = e.width, g = e.comma, _ = e.precision, v = e.trim, y = e.type;
		y === "n" ? (g = !0, y = "g") : Tr[y] || (_ === void 0 && (_ = 12), v = !0, y = "g"), (m || u === "0" && d === "=") && (m = !0, u = "0", d = "=");
		var b = (l && l.prefix !== void 0 ? l.prefix : "") + (p === "$" ? n : p === "#" && /[boxX]/.test(y) ? "0" + y.toLowerCase() : ""), x = (p === "$" ? r : /[%p]/.test(y) ? o : "") + (l && l.suffix !== void 0 ? l.suffix : ""), S = Tr[y], C = /[defgprs%]/.test(y);
		_ = _ === void 0 ? 6 : /[gprs]/.test(y) ? Math.max(1, Math.min(21, _)) : Math.max(0, Math.min(20, _));
		function w(e) {
			var n = b, r = x, o, l, p;
			if (y === "c") r = S(e) + r, e = "";
			else {
				e = +e;
				var w = e < 0 || 1 / e < 0;
				if (e = isNaN(e) ? c : S(Math.abs(e), _), v && (e = xr(e)), w && +e == 0 && f !== "+" && (w = !1), n = (w ? f === "(" ? f : s : f === "-" || f === "(" ? "" : f) + n, r = (y === "s" && !isNaN(e) && Sr !== void 0 ? Or[8 + Sr / 3] : "") + r + (w && f === "(" ? ")" : ""), C) {
					for (o = -1, l = e.length; ++o < l;) if (p = e.charCodeAt(o), 48 > p || p > 57) {
						r = (p === 46 ? i + e.slice(o + 1) : e.slice(o)) + r, e = e.slice(0, o);
						break;
					}
				}
			}
			g && !m && (e = t(e, Infinity));
			var T = n.length + e.length + r.length, E = T < h ? Array(h - T + 1).join(u) : "";
			switch (g && m && (e = t(E + e, E.length ? h - r.length : Infinity), E = ""), d) {
				case "<":
					e = n + e + r + E;
					break;
				case "=":
					e = n + E + e + r;
					break;
				case "^":
					e = E.slice(0, T = E.length >> 1) + n + e + r + E.slice(T);
					break;
				default: e = E + n + e + r;
			}
			return a(e);
		}
		return w.toString = function() {
			return e + "";
		}, w;
	}
	function u(e, t) {
		var n = Math.max(-8, Math.min(8, Math.floor(hr(t) / 3))) * 3, r = 10 ** -n, i = l((e = yr(e), e.type = "f", e), { suffix: Or[8 + n / 3] });
		return function(e) {
			return i(r * e);
		};
	}
	return {
		format: l,
		formatPrefix: u
	};
}
var Ar, jr;
Mr({
	thousands: ",",
	grouping: [3],
	currency: ["$", ""]
});
function Mr(e) {
	return Ar = kr(e), jr = Ar.format, Ar.formatPrefix, Ar;
}
// node_modules/d3-scale/src/nice.js
function Nr(e, t) {
	e = e.slice();
	var n = 0, r = e.length - 1, i = e[n], a = e[r], o;
	return a < i && (o = n, n = r, r = o, o = i, i = a, a = o), e[n] = t.floor(i), e[r] = t.ceil(a), e;
}
// node_modules/d3-scale/src/log.js
function Pr(e) {
	return Math.log(e);
}
function Fr(e) {
	return Math.exp(e);
}
function Ir(e) {
	return -Math.log(-e);
}
function Lr(e) {
	return -Math.exp(-e);
}
function Rr(e) {
	return isFinite(e) ? +("1e" + e) : e < 0 ? 0 : e;
}
function zr(e) {
	return e === 10 ? Rr : e === Math.E ? Math.exp : (t) => e ** +t;
}
function Br(e) {
	return e === Math.E ? Math.log : e === 10 && Math.log10 || e === 2 && Math.log2 || (e = Math.log(e), (t) => Math.log(t) / e);
}
function Vr(e) {
	return (t, n) => -e(-t, n);
}
function Hr(e) {
	let t = e(Pr, Fr), n = t.domain, r = 10, i, a;
	function o() {
		return i = Br(r), a = zr(r), n()[0] < 0 ? (i = Vr(i), a = Vr(a), e(Ir, Lr)) : e(Pr, Fr), t;
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
			m.length * 2 < p && (m = At(o, s, p));
		} else m = At(l, u, Math.min(u - l, p)).map(a);
		return c ? m.reverse() : m;
	}, t.tickFormat = (e, n) => {
		if (e ??= 10, n ??= r === 10 ? "s" : ",", typeof n != "function" && (!(r % 1) && (n = yr(n)).precision == null && (n.trim = !0), n = jr(n)), e === Infinity) return n;
		let o = Math.max(1, r * e / t.ticks().length);
		return (e) => {
			let t = e / a(Math.round(i(e)));
			return t * r < r - .5 && (t *= r), t <= o ? n(e) : "";
		};
	}, t.nice = () => n(Nr(n(), {
		floor: (e) => a(Math.floor(i(e))),
		ceil: (e) => a(Math.ceil(i(e)))
	})), t;
}
function Ur() {
	let e = Hr(fr()).domain([1, 10]);
	return e.copy = () => dr(e, Ur()).base(e.base()), jt.apply(e, arguments), e;
}
// node_modules/d3-shape/src/constant.js
function Z(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-path/dist/d3-path.mjs
var Wr = Math.PI, Gr = 2 * Wr, Q = 1e-6, Kr = Gr - Q;
function qr(e) {
	this._ += e[0];
	for (let t = 1, n = e.length; t < n; ++t) this._ += arguments[t] + e[t];
}
function Jr(e) {
	let t = Math.floor(e);
	if (!(t >= 0)) throw Error(`invalid digits: ${e}`);
	if (t > 15) return qr;
	let n = 10 ** t;
	return function(e) {
		this._ += e[0];
		for (let t = 1, r = e.length; t < r; ++t) this._ += Math.round(arguments[t] * n) / n + e[t];
	};
}
function Yr(e, t, n, r) {
	return e === n && t === r;
}
function Xr(e) {
	let t = Math.floor(e);
	if (!(t <= 15)) return Yr;
	let n = 10 ** t, r = function(e) {
		return Math.round(e * n);
	};
	return function(e, t, n, i) {
		return r(e) === r(n) && r(t) === r(i);
	};
}
var Zr = class {
	constructor(e) {
		this._x0 = this._y0 = this._x1 = this._y1 = null, this._ = "", this._append = e == null ? qr : Jr(e), this._equal = e == null ? Yr : Xr(e);
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
				let f = n - a, p = r - o, m = s * s + c * c, h = f * f + p * p, g = Math.sqrt(m), _ = Math.sqrt(d), v = i * Math.tan((Wr - Math.acos((m + d - h) / (2 * g * _))) / 2), y = v / _, b = v / g;
				Math.abs(y - 1) > Q && this._append`L${e + y * l},${t + y * u}`, this._append`A${i},${i},0,0,${+(u * f > l * p)},${this._x1 = e + b * s},${this._y1 = t + b * c}`;
			}
		}
	}
	arc(e, t, n, r, i, a) {
		if (e = +e, t = +t, n = +n, a = !!a, n < 0) throw Error(`negative radius: ${n}`);
		let o = n * Math.cos(r), s = n * Math.sin(r), c = e + o, l = t + s, u = 1 ^ a, d = a ? r - i : i - r;
		if (this._x1 === null ? this._append`M${c},${l}` : (Math.abs(this._x1 - c) > Q || Math.abs(this._y1 - l) > Q) && this._append`L${c},${l}`, n) {
			if (d < 0 && (d = d % Gr + Gr), d > Kr) this._append`A${n},${n},0,1,${u},${e - o},${t - s}A${n},${n},0,1,${u},${this._x1 = c},${this._y1 = l}`;
			else if (d > Q) {
				let a = e + n * Math.cos(i), o = t + n * Math.sin(i);
				if (d >= Wr && this._equal(c, l, a, o)) {
					d /= 2;
					let i = r + d;
					this._append`A${n},${n},0,${+(d >= Wr)},${u},${e + n * Math.cos(i)},${t + n * Math.sin(i)}`;
				}
				this._append`A${n},${n},0,${+(d >= Wr)},${u},${this._x1 = a},${this._y1 = o}`;
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
Zr.prototype;
// node_modules/d3-shape/src/path.js
function Qr(e) {
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
	}, () => new Zr(t);
}
Array.prototype.slice;
function $r(e) {
	return typeof e == "object" && "length" in e ? e : Array.from(e);
}
// node_modules/d3-shape/src/curve/linear.js
function ei(e) {
	this._context = e;
}
ei.prototype = {
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
function ti(e) {
	return new ei(e);
}
// node_modules/d3-shape/src/point.js
function ni(e) {
	return e[0];
}
function ri(e) {
	return e[1];
}
// node_modules/d3-shape/src/line.js
function ii(e, t) {
	var n = Z(!0), r = null, i = ti, a = null, o = Qr(s);
	e = typeof e == "function" ? e : e === void 0 ? ni : Z(e), t = typeof t == "function" ? t : t === void 0 ? ri : Z(t);
	function s(s) {
		var c, l = (s = $r(s)).length, u, d = !1, f;
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
function ai(e, t, n) {
	var r = null, i = Z(!0), a = null, o = ti, s = null, c = Qr(l);
	e = typeof e == "function" ? e : e === void 0 ? ni : Z(+e), t = typeof t == "function" ? t : Z(t === void 0 ? 0 : +t), n = typeof n == "function" ? n : n === void 0 ? ri : Z(+n);
	function l(l) {
		var u, d, f, p = (l = $r(l)).length, m, h = !1, g, _ = Array(p), v = Array(p);
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
		return ii().defined(i).curve(o).context(a);
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
var oi = 260, $ = {
	left: 52,
	right: 14,
	top: 26,
	bottom: 34
}, si = 1e-10, ci = 240;
function li(e) {
	let t = Ur([1, Math.max(e, 2)], [$.left, 640]), n = Ur([si, 1], [oi - $.bottom, $.top]).clamp(!0), r = pi(e), i = _("path", { class: "area-kept" }), a = _("path", { class: "line-raw" }), o = _("path", { class: "line-processed" }), s = _("g", { class: "cuts" }), c = _("title", {}), l = _("g", {
		class: "axes",
		"aria-hidden": "true"
	}), u = null, d = _("svg", {
		viewBox: `0 0 640 ${oi}`,
		class: "chart rank-chart",
		role: "img"
	}, c, l, i, a, o, s);
	function f(e) {
		return r.filter((t) => t >= e.from && t < e.to).map((r) => [t(r + 1), n(Math.exp(fe(e, r)))]);
	}
	let p = vt(d, oi, (r) => {
		t.range([$.left, r - $.right]), b(l, ...di(e, t, n, r)), u !== null && m(u);
	});
	function m(e) {
		u = e;
		let { processed: r, raw: l } = e, d = f(r);
		r.to - r.from > 1 && d.push([t(r.to), n(Math.exp(fe(r, r.to - 1)))]), d.sort((e, t) => e[0] - t[0]), a.setAttribute("d", ii()(f(l)) ?? ""), o.setAttribute("d", ii()(d) ?? ""), i.setAttribute("d", ai().x((e) => e[0]).y1((e) => e[1]).y0(n(si))(d) ?? ""), b(s, ...ui(e, t)), x(c, `Probability against rank. Raw: grey. Processed: ${M(A(r))} of ${M(A(l))} tokens, from ${j(Math.exp(fe(r, r.from)))} down to ${j(Math.exp(fe(r, r.to - 1)))}.`);
	}
	return {
		element: d,
		draw: m,
		close: p
	};
}
function ui(e, t) {
	return e.stages.filter((e) => e.removed > 0 && e.after.to < e.before.to).map((e, n) => {
		let r = t(e.after.to + .5), i = r > t.range()[1] * .75;
		return _("g", {}, _("line", {
			class: "cut",
			x1: r,
			x2: r,
			y1: $.top,
			y2: oi - $.bottom
		}), _("text", {
			class: "cut-label",
			x: r + (i ? -4 : 4),
			y: $.top + 10 + 13 * n,
			"text-anchor": i ? "end" : "start"
		}, `${e.stage.name}=${e.stage.value}`));
	});
}
function di(e, t, n, r) {
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
		...i.map((e) => _("text", {
			x: t(e),
			y: oi - $.bottom + 15,
			"text-anchor": e === 1 ? "start" : "middle"
		}, M(e))),
		...a.flatMap((e) => [_("line", {
			class: "grid",
			x1: $.left,
			x2: r - $.right,
			y1: n(e),
			y2: n(e)
		}), _("text", {
			x: $.left - 6,
			y: n(e) + 4,
			"text-anchor": "end"
		}, e === 1 ? "1" : `10${fi(Math.log10(e))}`)]),
		_("text", {
			x: r - $.right,
			y: 256,
			"text-anchor": "end"
		}, "rank of the token →"),
		_("text", {
			x: 2,
			y: 12
		}, "probability")
	];
}
function fi(e) {
	return String(Math.round(e)).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
function pi(e) {
	let t = Array.from({ length: ci }, (t, n) => Math.round(e ** (n / 239)) - 1);
	return [...new Set(t)].sort((e, t) => e - t);
}
// src/views/position.ts
var mi = 20, hi = 3;
function gi(e, t, n) {
	let r = Ke(e.logits), { state: i, announce: a } = t, o, s = ht((e) => x(e), a), c = yi((e) => x(je(y(), e))), l = g("div"), u = dt(e, r, mi, n), d = li(r.length), f = xi(), p = g("ul", {
		class: "warnings",
		"aria-label": "Where the settings conflict"
	}), m = _t(S), h = g("button", {
		type: "button",
		class: "quiet more",
		onclick: () => v(_ * 3)
	}, "Show more tokens"), _ = mi;
	function v(t) {
		_ = Math.min(t, e.tokens.length), u = dt(e, r, _, n), b(l, u.element), h.hidden = _ >= e.tokens.length, o !== void 0 && u.draw(o);
	}
	function y() {
		try {
			return we(i.get("chain") ?? e.chain);
		} catch {
			return we(e.chain);
		}
	}
	function x(e) {
		i.set("chain", ke(e.filter(Oe)) || " ");
	}
	function S() {
		let e = y();
		o = Pe(e, r), s.show(e), s.report(o.stages), c.show(Ae(e)), u.draw(o), d.draw(o), f.draw(o), b(p, ...o.warnings.map((e) => g("li", {}, e))), p.hidden = o.warnings.length === 0;
	}
	let C = i.listen((e) => e === "chain" && m()), w = g("div", { class: "position" }, _i(e), g("div", { class: "columns" }, g("section", {
		class: "card controls",
		"aria-label": "Settings"
	}, c.element, s.element, p), g("section", {
		class: "card",
		"aria-label": "Distribution of the next token"
	}, f.element, l, h)), g("figure", { class: "card" }, g("figcaption", {}, g("b", {}, `All ${M(r.length)} tokens by rank. `), vi()), d.element));
	return v(mi), S(), {
		element: w,
		close: () => {
			C(), d.close();
		},
		download: {
			name: "retort-position",
			json: () => Si(e, o),
			csv: () => Ci(e, r, o),
			svg: () => d.element
		}
	};
}
function _i(e) {
	return g("div", { class: "prompt" }, g("p", { class: "meta" }, `${e.model}, after`), g("p", {
		class: "tokens",
		dir: "auto"
	}, ...e.prompt_tokens.map(lt)), e.note ? g("p", { class: "note" }, e.note) : null);
}
function vi() {
	return g("span", { class: "legend" }, g("span", { class: "key key-raw" }, "raw: the model's own, τ = 1"), g("span", { class: "key key-processed" }, "processed: what sampling draws from"), g("span", { class: "key key-cut" }, "where a stage cuts"));
}
function yi(e) {
	let t = C("tau"), n = g("input", {
		id: t,
		type: "range",
		min: 0,
		max: hi,
		step: .01,
		class: "tau",
		oninput: () => e(Number(n.value))
	}), r = g("output", {
		for: t,
		class: "tau-value"
	});
	return {
		element: g("div", { class: "tau-box" }, g("label", { for: t }, "temperature τ"), r, n, g("div", {
			class: "tau-ends",
			"aria-hidden": "true"
		}, g("span", {}, "0 greedy"), g("span", {}, "1 raw"), g("span", {}, "3"))),
		show(e) {
			n.value = String(e), n.setAttribute("aria-valuetext", `τ ${Ze(e)}${e === 0 ? ", greedy" : e === 1 ? ", the model's own" : ""}`), x(r, Ze(e));
		}
	};
}
var bi = [
	[
		"entropy",
		"entropy",
		"nats",
		(e) => D(e.raw).entropy,
		(e) => D(e.processed).entropy
	],
	[
		"support",
		"effective support",
		"tokens, e^entropy",
		(e) => Le(e.raw),
		(e) => Le(e.processed)
	],
	[
		"kept",
		"tokens that can come",
		"",
		(e) => A(e.raw),
		(e) => A(e.processed)
	]
];
function xi() {
	let e = bi.map(([e, t, n, ,]) => {
		let r = g("span", {
			class: "raw-ink",
			"data-measure": `${e}-raw`
		}), i = g("b", {
			class: "processed-ink",
			"data-measure": e
		});
		return {
			raw: r,
			processed: i,
			element: g("div", { class: "measure" }, g("dt", {}, t, n ? g("small", {}, ` ${n}`) : null), g("dd", {}, i, " ", g("small", {}, "raw "), r))
		};
	}), t = g("b", { "data-measure": "kept-mass" }), n = g("b", { "data-measure": "leakage" }), r = g("b", { "data-measure": "margin" }), i = g("dl", { class: "measures" }, ...e.map((e) => e.element), g("div", { class: "measure" }, g("dt", {}, "mass kept ", g("small", {}, "of the tempered row")), g("dd", {}, t)), g("div", { class: "measure" }, g("dt", {}, "leakage ", g("small", {}, "outside the raw top 90 %")), g("dd", {}, n)), g("div", { class: "measure" }, g("dt", {}, "margin ", g("small", {}, "raw logits, 1st over 2nd")), g("dd", {}, r))), a = (e, t, n) => {
		x(e, n), e.dataset.value = String(t);
	};
	return {
		element: i,
		draw(i) {
			bi.forEach(([, , , t, n], r) => {
				a(e[r].raw, t(i), j(t(i))), a(e[r].processed, n(i), j(n(i)));
			});
			let o = i.stages.at(-1)?.keptMassTotal ?? 1;
			a(t, o, Xe(o)), a(n, Ie(i), Xe(Ie(i))), a(r, he(i.raw), j(he(i.raw)));
		}
	};
}
function Si(e, t) {
	let { raw: n, processed: r } = t;
	return {
		model: e.model,
		prompt: e.prompt,
		vocabulary: e.vocabulary,
		chain: ke(t.stages.map((e) => e.stage)),
		raw: {
			entropy_nats: D(n).entropy,
			effective_support: Le(n),
			margin: he(n)
		},
		processed: {
			entropy_nats: D(r).entropy,
			effective_support: Le(r),
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
			prob_raw: O(n, a),
			prob_processed: O(r, a),
			removed_by: Fe(t, a)?.name ?? null
		}))
	};
}
function Ci(e, t, n) {
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
		O(n.raw, i),
		O(n.processed, i),
		Fe(n, i)?.name ?? null
	])];
}
// src/app.ts
function wi(e, t, { address: n, tabs: r = Ei(t) }) {
	let i = g("div", {
		class: "sr",
		role: "status",
		"aria-live": "polite"
	}), a = {
		data: t,
		state: new T(n),
		announce: (e) => i.textContent = e
	}, o = g("main", {
		role: "tabpanel",
		tabindex: "-1",
		class: "panel"
	}), c = null, l = r.map((e) => g("button", {
		type: "button",
		role: "tab",
		id: C("tab"),
		onclick: () => a.state.set("view", e.name)
	}, e.label)), u = g("div", {
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
		}), c?.close(), c = r[e]?.open(a) ?? null, o.setAttribute("aria-labelledby", l[e]?.id ?? ""), b(o, c?.element ?? g("p", {}, "This page holds nothing to show."));
	}
	let p = g("details", { class: "menu" }, g("summary", {}, "Download"), g("div", { class: "menu-list" }, ...[
		["json", "JSON"],
		["csv", "CSV"],
		["svg", "SVG"],
		["png", "PNG"]
	].map(([e, t]) => g("button", {
		type: "button",
		class: "quiet",
		onclick: () => {
			p.open = !1, c?.download && s(c.download, e).then(() => a.announce(`${t} saved`));
		}
	}, t)))), m = g("button", {
		type: "button",
		class: "quiet",
		onclick: () => void Ti(a)
	}, "Copy link");
	e.classList.add("retort"), b(e, g("header", { class: "head" }, g("p", { class: "brand" }, "retort"), u, g("div", { class: "tools" }, n ? m : null, p, ne(e))), o, i);
	let h = a.state.listen((e) => e === "view" && f());
	return f(), () => {
		h(), c?.close(), e.replaceChildren();
	};
}
async function Ti(e) {
	try {
		await navigator.clipboard.writeText(e.state.link()), e.announce("Link copied");
	} catch {
		history.replaceState(null, "", e.state.link()), e.announce("The link is in the address bar");
	}
}
function Ei(e) {
	let t = [], { position: n } = e;
	return n && t.push({
		name: "position",
		label: "Position",
		open: (e) => gi(n, e)
	}), t;
}
// src/parts/runForm.ts
function Di(t) {
	let { api: n, state: r, fields: i } = t, a = null, o = new Map(i.map((e) => [e.name, Oi(e, r)])), s = g("button", {
		type: "submit",
		class: "solid"
	}, t.verb), c = g("button", {
		type: "button",
		class: "quiet",
		hidden: !0,
		onclick: () => a?.stop()
	}, "Stop"), l = g("progress", {
		max: 1,
		"aria-label": `${t.verb}: progress`,
		hidden: !0
	}), u = g("p", { class: "meta news" }), d = g("p", {
		class: "error",
		role: "alert"
	}), f = g("form", {
		class: "card run-form",
		"aria-label": t.verb
	}, g("div", { class: "fields" }, ...i.map((e) => g("div", { class: `field field-${e.kind}` }, g("label", { for: o.get(e.name).id }, e.label), o.get(e.name), e.hint ? g("small", {}, e.hint) : null))), g("div", { class: "form-foot" }, s, c, l, u), d);
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
		a?.stop(), x(d, "");
		let o = n.start(t.kind, t.body(i), {
			onProgress: ({ done: e, total: t, detail: n }) => {
				l.hidden = !1, l.max = t || 1, l.value = e, x(u, n || `${M(e)} of ${M(t)}`);
			},
			onLost: () => x(u, "The connection was lost; trying again …"),
			onTold: (e, n) => t.onTold?.(e, n)
		});
		a = o, _(!0), o.result.then((e) => {
			a === o && (x(u, ""), t.onRecord(e, i), t.announce(`${t.verb}: done`));
		}).catch((t) => {
			a === o && (x(u, ""), t instanceof e ? x(u, "Stopped.") : x(d, t.message));
		}).finally(() => {
			a === o && (a = null, _(!1));
		});
	}
	function _(e) {
		c.hidden = !e, l.hidden = !0, e && (l.hidden = !1, l.removeAttribute("value")), f.setAttribute("aria-busy", String(e));
	}
	return n.mayRun || (s.disabled = !0, x(d, "To run a model, open the address that retort studio printed when it started: it carries the token.")), {
		element: f,
		run: () => n.mayRun && h(),
		close: () => {
			p(), a?.stop();
		}
	};
}
function Oi(e, t) {
	let n = C(e.name), r = e.name, i = t.get(r) ?? e.initial;
	if (e.kind === "choice") {
		let t = g("select", {
			id: n,
			name: r
		});
		return b(t, ...(e.choices ?? []).map((e) => g("option", { value: e }, e))), t.value = e.choices?.includes(i) ? i : e.initial, t;
	}
	if (e.kind === "lines") {
		let e = g("textarea", {
			id: n,
			name: r,
			rows: 2,
			dir: "auto",
			spellcheck: "false"
		});
		return e.value = i, e;
	}
	let a = g("input", {
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
var ki = "The sky is", Ai = /* @__PURE__ */ new Map();
function ji(e, t) {
	return [Mi(e, {
		name: "position",
		label: "Position",
		kind: "position",
		verb: "Look",
		eager: !0,
		fields: [{
			name: "model",
			label: "Model",
			kind: "choice",
			initial: t[0],
			choices: t
		}, {
			name: "prompt",
			label: "Prompt",
			kind: "lines",
			initial: ki,
			hint: "Ctrl+Enter looks"
		}],
		body: ({ model: e, prompt: t }, { state: n }) => ({
			model: e,
			prompt: t,
			continuation: Pi(n.get("continuation"))
		}),
		view: (e, t, n) => gi(e, t, (r) => {
			let i = Pi(t.state.get("continuation"));
			t.state.set("continuation", [...i, e.ids[r]].join(",")), n();
		})
	})];
}
function Mi(e, t) {
	return {
		name: t.name,
		label: t.label,
		open: (n) => Ni(e, t, n)
	};
}
function Ni(e, t, n) {
	let r = null, i = g("div", { class: "holder" }), a = Di({
		api: e,
		state: n.state,
		announce: n.announce,
		kind: t.kind,
		verb: t.verb,
		fields: t.fields,
		body: (e) => t.body(e, n),
		onRecord: (e, n) => {
			Ai.set(t.name, {
				record: e,
				values: n
			}), o(e);
		}
	});
	a.element.addEventListener("change", () => n.state.set("continuation", void 0));
	function o(e) {
		r?.close(), r = t.view(e, n, a.run), b(i, r.element);
	}
	let s = Ai.get(t.name);
	return s ? o(s.record) : t.eager && a.run(), {
		element: g("div", {}, a.element, i),
		get download() {
			return r?.download ?? null;
		},
		close: () => {
			a.close(), r?.close();
		}
	};
}
function Pi(e) {
	return e ? e.split(",").map(Number).filter(Number.isSafeInteger) : [];
}
// src/main.ts
function Fi({ model: e, el: t }) {
	let n = document.createElement("div");
	t.append(n);
	let r = wi(n, e.get("data"), { address: !1 }), i = () => {
		r(), r = wi(n, e.get("data"), { address: !1 });
	};
	return e.on("change:data", i), () => {
		e.off("change:data", i), r();
	};
}
var Ii = { render: Fi }, Li = document.getElementById("retort-data"), Ri = document.getElementById("retort-page");
Li !== null && Ri !== null && zi(Ri, JSON.parse(Li.textContent ?? "{}"));
function zi(e, t) {
	if (!t.studio) {
		wi(e, t, { address: !0 });
		return;
	}
	let n = new r();
	n.models().then((r) => wi(e, t, {
		address: !0,
		tabs: ji(n, r)
	})).catch((t) => e.textContent = t.message);
}
export { Ii as default };
