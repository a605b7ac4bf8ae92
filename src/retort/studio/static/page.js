// src/parts/download.ts
async function e(e, n) {
	let r = `${e.name}.${n}`;
	if (n === "json") return s(r, new Blob([JSON.stringify(e.json(), null, 2)], { type: "application/json" }));
	if (n === "csv") return s(r, new Blob([t(e.csv())], { type: "text/csv;charset=utf-8" }));
	let i = e.svg();
	if (i === null) return;
	let c = a(i);
	if (n === "svg") return s(r, new Blob([c], { type: "image/svg+xml" }));
	s(r, await o(c, i));
}
function t(e) {
	return e.map((e) => e.map(n).join(",")).join("\r\n") + "\r\n";
}
function n(e) {
	if (e === null) return "";
	if (typeof e == "number") return Number.isFinite(e) ? String(e) : "";
	let t = /^[=+\-@\t\r]/.test(e) ? `'${e}` : e;
	return /[",\r\n]|^\s|\s$/.test(t) ? `"${t.replaceAll("\"", "\"\"")}"` : t;
}
var r = [
	"fill",
	"fill-opacity",
	"stroke",
	"stroke-width",
	"stroke-dasharray",
	"stroke-opacity",
	"opacity"
], i = [
	"font-family",
	"font-size",
	"font-weight",
	"text-anchor",
	"dominant-baseline"
];
function a(e) {
	let t = e.cloneNode(!0), n = [e, ...e.querySelectorAll("*")], a = [t, ...t.querySelectorAll("*")];
	n.forEach((e, t) => {
		let n = getComputedStyle(e);
		for (let o of e.tagName === "text" || e.tagName === "tspan" ? [...r, ...i] : r) a[t].setAttribute(o, n.getPropertyValue(o));
		a[t].removeAttribute("class");
	});
	let o = e.viewBox.baseVal;
	t.setAttribute("xmlns", "http://www.w3.org/2000/svg"), t.setAttribute("width", String(o.width)), t.setAttribute("height", String(o.height));
	let s = document.createElementNS("http://www.w3.org/2000/svg", "rect");
	return s.setAttribute("width", "100%"), s.setAttribute("height", "100%"), s.setAttribute("fill", getComputedStyle(e).getPropertyValue("--card") || "#fff"), t.prepend(s), new XMLSerializer().serializeToString(t);
}
async function o(e, t) {
	let n = t.viewBox.baseVal, r = new Image();
	r.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(e)}`, await r.decode();
	let i = document.createElement("canvas");
	return i.width = 2 * n.width, i.height = 2 * n.height, i.getContext("2d").drawImage(r, 0, 0, i.width, i.height), new Promise((e, t) => i.toBlob((n) => n ? e(n) : t(/* @__PURE__ */ Error("the picture could not be made")), "image/png"));
}
function s(e, t) {
	let n = document.createElement("a");
	n.href = URL.createObjectURL(t), n.download = e, n.click(), setTimeout(() => URL.revokeObjectURL(n.href), 1e4);
}
// src/parts/dom.ts
var c = "http://www.w3.org/2000/svg";
function l(e, t = {}, ...n) {
	return d(document.createElement(e), t, n);
}
function u(e, t = {}, ...n) {
	return d(document.createElementNS(c, e), t, n);
}
function d(e, t, n) {
	for (let [n, r] of Object.entries(t)) r != null && r !== !1 && (typeof r == "function" ? e.addEventListener(n.slice(2).toLowerCase(), r) : e.setAttribute(n, r === !0 ? "" : String(r)));
	return f(e, n), e;
}
function f(e, t) {
	for (let n of t) n != null && n !== !1 && e.append(n);
}
function p(e, ...t) {
	return e.replaceChildren(), f(e, t), e;
}
function m(e, t) {
	e.textContent !== t && (e.textContent = t);
}
var h = 0;
function g(e) {
	return h += 1, `retort-${e}-${h}`;
}
// src/parts/state.ts
var _ = .3, v = class {
	values;
	listeners = /* @__PURE__ */ new Set();
	timer;
	inAddress;
	constructor(e) {
		this.inAddress = e, this.values = e ? y() : /* @__PURE__ */ new Map(), e && window.addEventListener("hashchange", () => this.adopt(y()));
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
		}, 1e3 * _));
	}
	adopt(e) {
		let t = [.../* @__PURE__ */ new Set([...this.values.keys(), ...e.keys()])].filter((t) => this.values.get(t) !== e.get(t));
		this.values.clear();
		for (let [t, n] of e) this.values.set(t, n);
		for (let e of t) for (let t of this.listeners) t(e);
	}
};
function y() {
	return new Map(new URLSearchParams(location.hash.slice(1)));
}
// src/parts/theme.ts
var b = {
	auto: "light",
	light: "dark",
	dark: "auto"
}, x = "retort-theme";
function S(e) {
	let t = ee(), n = l("button", {
		type: "button",
		class: "quiet",
		onclick: () => r(b[t])
	}), r = (r) => {
		t = r, e.dataset.theme = t, n.textContent = {
			auto: "◐ auto",
			light: "○ light",
			dark: "● dark"
		}[t], n.setAttribute("aria-label", `Colours: ${t}. Change to ${b[t]}.`);
		try {
			localStorage.setItem(x, t);
		} catch {}
	};
	return r(t), n;
}
function ee() {
	try {
		let e = localStorage.getItem(x);
		return e === "light" || e === "dark" ? e : "auto";
	} catch {
		return "auto";
	}
}
// src/math/window.ts
var C = -745.2, w = 2 ** -40, T = 64, te = /* @__PURE__ */ new WeakMap();
function ne(e) {
	return {
		logits: e,
		temperature: 1,
		from: 0,
		to: e.length
	};
}
function re(e, t) {
	return t === 0 ? {
		...e,
		to: e.from + 1
	} : {
		...e,
		temperature: e.temperature * t
	};
}
function ie(e, t) {
	return (e.logits[t] - e.logits[e.from]) / e.temperature;
}
function E(e) {
	let t = te.get(e.logits);
	t === void 0 && te.set(e.logits, t = /* @__PURE__ */ new Map());
	let n = `${e.temperature}/${e.from}/${e.to}`, r = t.get(n);
	return r === void 0 && (t.size >= T && t.clear(), t.set(n, r = ae(e))), r;
}
function ae(e) {
	let { logits: t, temperature: n, from: r, to: i } = e, a = t[r], o = 0, s = 0;
	for (let e = r; e < i; e++) {
		let r = (t[e] - a) / n;
		if (r < C) break;
		let i = Math.exp(r);
		o += i, s += i * r;
	}
	return {
		total: o,
		entropy: Math.max(0, Math.log(o) - s / o)
	};
}
function oe(e, t) {
	return t < e.from || t >= e.to ? -Infinity : ie(e, t) - Math.log(E(e).total);
}
function D(e, t) {
	return Math.exp(oe(e, t));
}
function se(e, t, n) {
	let r = Math.max(t, e.from), i = Math.min(n, e.to);
	if (r >= i) return 0;
	let { total: a } = E(e);
	return r === e.from && i === e.to ? 1 : r === e.from && i - r > e.to - i ? 1 - ce(e, i, e.to) / a : Math.min(1, ce(e, r, i) / a);
}
function ce(e, t, n) {
	let r = 0;
	for (let i = t; i < n; i++) {
		let t = ie(e, i);
		if (t < C) break;
		r += Math.exp(t);
	}
	return r;
}
function le(e) {
	return e.to - e.from < 2 ? Infinity : e.logits[e.from] - e.logits[e.from + 1];
}
function ue(e, t) {
	let n = e.to - e.from;
	if (t >= 1) return n;
	let r = t * E(e).total * (1 - w), i = 0;
	for (let t = e.from; t < e.to; t++) if (i += Math.exp(ie(e, t)), i >= r) return t - e.from + 1;
	return n;
}
function de(e, t) {
	let n = e.from, r = e.to;
	for (; n < r;) {
		let i = n + r >> 1;
		ie(e, i) >= t ? n = i + 1 : r = i;
	}
	return n;
}
// src/math/transforms.ts
var fe = 1e-12;
function pe(e, t) {
	return {
		...e,
		to: Math.min(e.to, e.from + t)
	};
}
var me = [
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
		apply: re
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
		apply: pe
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
		apply: (e, t) => pe(e, ue(e, t))
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
			to: de(e, Math.log(t) - fe)
		})
	}
], O = new Map(me.map((e) => [e.name, e])), he = new Map(me.flatMap((e) => [e.name, ...e.aliases].map((t) => [t, e])));
function ge(e) {
	return he.get(e.trim().toLowerCase().replaceAll("-", "_"));
}
// src/math/chain.ts
var _e = class extends Error {};
function ve(e) {
	return e.trim() === "" ? [] : xe(e.split("|").map(ye));
}
function ye(e) {
	let [t, n] = e.split("=").map((e) => e.trim());
	if (!t || !n) throw new _e(`a stage is written name=value, got “${e.trim()}”; for example temperature=0.8 | top_p=0.9`);
	let r = ge(t);
	if (r === void 0) throw new _e(`the page does not compute “${t}”; it knows ${[...O.keys()].join(", ")}`);
	return {
		name: r.name,
		value: be(r, Number(n), n)
	};
}
function be(e, t, n = String(t)) {
	if (e.off.includes(t) || t >= e.low && t <= e.high && Number.isFinite(t) && !(e.whole && t % 1)) return t;
	let r = Number.isFinite(e.high) ? `from ${e.low} to ${e.high}` : `of ${e.low} or more`;
	throw new _e(`${e.name} must be a ${e.whole ? "whole " : ""}number ${r}, got ${n}`);
}
function xe(e) {
	let t = e.filter(Se);
	if (t.filter((e) => e.name === "temperature").length > 1) throw new _e("a chain may hold temperature once; two in a row are one temperature, their product");
	return t;
}
function Se(e) {
	return !O.get(e.name).off.includes(e.value);
}
function Ce(e) {
	return e.map((e) => `${e.name}=${e.value}`).join(" | ");
}
function we(e) {
	return e.find((e) => e.name === "temperature")?.value ?? 1;
}
function Te(e, t) {
	let n = {
		name: "temperature",
		value: t
	};
	return e.some((e) => e.name === "temperature") ? e.map((e) => e.name === "temperature" ? n : e) : [n, ...e];
}
function Ee(e, t) {
	return Se(t) ? O.get(t.name).apply(e, t.value) : e;
}
function De(e, t) {
	return t.reduce(Ee, e);
}
function Oe(e, t) {
	let n = ne(t), r = n, i = n, a = [];
	for (let t of e) {
		let e = Ee(r, t);
		!O.get(t.name).truncates && t.value !== 0 && (i = Ee(i, t)), a.push({
			stage: t,
			before: r,
			after: e,
			kept: k(e),
			removed: k(r) - k(e),
			keptMass: se(r, e.from, e.to),
			keptMassTotal: se(i, e.from, e.to)
		}), r = e;
	}
	let o = we(e);
	return {
		raw: n,
		tempered: o === 0 ? Ee(n, {
			name: "temperature",
			value: 0
		}) : {
			...n,
			temperature: o
		},
		processed: r,
		stages: a,
		warnings: Me(e, n, a)
	};
}
function k(e) {
	return e.to - e.from;
}
function ke(e, t) {
	return t >= e.processed.from && t < e.processed.to ? null : e.stages.find(({ after: e }) => t < e.from || t >= e.to)?.stage ?? null;
}
function Ae(e) {
	let t = ue(e.raw, .9);
	return se(e.processed, t, e.raw.to);
}
function je(e) {
	return Math.exp(E(e).entropy);
}
function Me(e, t, n) {
	let r = e.filter((e) => O.get(e.name).truncates), i = De(t, e);
	if (we(e) === 0) return r.length === 0 ? [] : [`temperature=0 takes the most likely token in any case, so ${Fe(r)} cannot change the result.`];
	let a = [];
	for (let o of n) if (r.includes(o.stage)) {
		if (o.removed === 0) {
			let e = o.kept === 1 ? "one token reaches it" : `it keeps all ${Ie(o.kept)} that reach it`;
			a.push(`${Pe(o.stage)} removes nothing here: ${e}.`);
		} else Ne(De(t, e.filter((e) => e !== o.stage)), i) && a.push(`${Pe(o.stage)} is made moot by the rest: without it the same ${Ie(k(i))} would be kept.`);
	}
	let o = r.map((n) => k(De(t, e.filter((e) => e === n || !r.includes(e)))));
	if (r.length > 1 && k(i) < Math.min(...o)) {
		let e = r.map((e, t) => `${Pe(e)} alone keeps ${o[t].toLocaleString("en")}`);
		a.push(`together the stages keep ${Ie(k(i))}, fewer than any of them alone (${e.join(", ")}).`);
	}
	let s = e.findIndex((e) => e.name === "temperature"), c = e.slice(0, Math.max(s, 0)).filter((e) => r.includes(e));
	if (c.length > 0) {
		let n = e[s], r = k(De(t, [n, ...e.filter((e) => e !== n)]));
		r !== k(i) && a.push(`${Fe(c)} comes before ${Pe(n)} and does not see it: ${Ie(k(i))} remain, and would be ${r.toLocaleString("en")} with temperature first.`);
	}
	return r.length > 0 && k(i) === 1 && k(t) > 1 && a.push("one token is left, so every draw here is the greedy token, whatever temperature and seed."), a;
}
function Ne(e, t) {
	return e.from === t.from && e.to === t.to;
}
function Pe(e) {
	return `${e.name}=${e.value}`;
}
function Fe(e) {
	let t = e.map(Pe);
	return t.length < 2 ? t.join("") : `${t.slice(0, -1).join(", ")} and ${t.at(-1)}`;
}
function Ie(e) {
	return `${e.toLocaleString("en")} ${e === 1 ? "token" : "tokens"}`;
}
// src/math/unpack.ts
var Le = 64, Re = 24, ze = 5;
function Be(e) {
	let t = Ue(e.data);
	if (e.encoding === "float64") {
		let n = new DataView(t.buffer);
		return Float64Array.from({ length: e.count }, (e, t) => n.getFloat64(8 * t, !0));
	}
	if (e.encoding !== "rice32") throw Error(`logits are packed as ${e.encoding}, which this page cannot read`);
	return Ve(t, e.count);
}
function Ve(e, t) {
	let n = new He(e), r = new Float64Array(t), i = /* @__PURE__ */ new Uint32Array(1), a = new Float32Array(i.buffer), o = 4294967295, s = 0;
	for (let e = 0; e < t; e++) {
		e % Le === 0 && (s = n.read(ze));
		let t = n.zeros();
		o -= t === Re ? n.read(32) : t * 2 ** s + n.read(s), i[0] = o >= 2147483648 ? o - 2147483648 : 4294967295 - o, r[e] = a[0];
	}
	return r;
}
var He = class {
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
function Ue(e) {
	let t = atob(e), n = new Uint8Array(t.length);
	for (let e = 0; e < t.length; e++) n[e] = t.charCodeAt(e);
	return n;
}
// src/parts/format.ts
function We(e) {
	if (e === 0) return "0 %";
	if (e >= 1e-4) return `${(100 * e).toFixed(2)} %`;
	let [t, n] = e.toExponential(1).split("e");
	return `${t}·10${qe(Number(n))}`;
}
function A(e) {
	if (e == null || Number.isNaN(e)) return "–";
	if (!Number.isFinite(e)) return e > 0 ? "∞" : "−∞";
	let t = Math.abs(e);
	if (t !== 0 && (t < 1e-4 || t >= 1e6)) {
		let [t, n] = e.toExponential(2).split("e");
		return Ke(`${t}·10${qe(Number(n))}`);
	}
	return Ke(t >= 1e3 ? j(e) : String(Number(e.toPrecision(4))));
}
function j(e) {
	return Ke(Math.round(e).toLocaleString("en"));
}
function Ge(e) {
	return String(Number(e.toFixed(4)));
}
function Ke(e) {
	return e.replace("-", "−");
}
function qe(e) {
	return String(e).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
// src/parts/tokens.ts
var Je = {
	" ": ["␣", "space"],
	"\n": ["↵", "line break"],
	"	": ["⇥", "tab"],
	"\r": ["␍", "carriage return"],
	"\xA0": ["⍽", "no-break space"],
	"　": ["□", "wide space"]
}, Ye = /<0x([0-9A-F]{2})>/, Xe = /^<(?:\||\/)?[A-Za-z][\w .|/-]*(?:\|)?>$/, Ze = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}\p{Co}\p{Cn}\p{Cs}]|[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\u{e0000}-\u{e0fff}]/u, Qe = /[\u200d\ufe0f]/, $e = /\p{Extended_Pictographic}/u;
function et(e) {
	return e === "" ? [{
		text: "∅",
		kind: "sign",
		spoken: "empty"
	}] : Xe.test(e) && !Ye.test(e) ? [{
		text: e,
		kind: "marker",
		spoken: `marker ${e}`
	}] : e.split(/(<0x[0-9A-F]{2}>)/).flatMap((e) => {
		let t = Ye.exec(e);
		return t ? [{
			text: `⟨${t[1]}⟩`,
			kind: "byte",
			spoken: `byte ${t[1]}`
		}] : tt(e);
	});
}
function tt(e) {
	let t = [], n = [...e];
	return n.forEach((e, r) => {
		let i = Je[e];
		if (i) t.push({
			text: i[0],
			kind: "sign",
			spoken: i[1]
		});
		else if (Ze.test(e) || Qe.test(e) && !nt(n, r)) {
			let n = e.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
			t.push({
				text: `⟨U+${n}⟩`,
				kind: "byte",
				spoken: `character U+${n}`
			});
		} else {
			let n = t.at(-1), r = /\p{M}/u.test(e) && !Qe.test(e) && n?.kind !== "plain" ? `◌${e}` : e;
			n?.kind === "plain" ? (n.text += r, n.spoken += e) : t.push({
				text: r,
				kind: "plain",
				spoken: e
			});
		}
	}), t;
}
function nt(e, t) {
	return t > 0 && ($e.test(e[t - 1]) || Qe.test(e[t - 1]) || /\p{Emoji_Modifier}/u.test(e[t - 1]));
}
function rt(e) {
	return l("bdi", { class: "token" }, ...et(e).map((e) => e.kind === "plain" ? e.text : l("span", { class: `piece-${e.kind}` }, e.text)));
}
function it(e) {
	return et(e).map((e) => e.spoken).join(" ");
}
// src/parts/bars.ts
function at(e, t, n, r) {
	let i = l("tbody"), a = [], o = Math.min(n, e.tokens.length, t.length);
	for (let n = 0; n < o; n++) {
		let o = ot(e, n, t[n], r);
		a.push(o), i.append(o.element);
	}
	let s = d(), c = l("table", { class: "bars" }, l("caption", { class: "sr" }, "The most likely tokens, with their raw and processed probability"), l("thead", {}, l("tr", {}, l("th", { scope: "col" }, "token"), l("th", {
		scope: "col",
		class: "figure wide-only"
	}, "logit"), l("th", {
		scope: "col",
		class: "figure raw-ink"
	}, "raw"), l("th", {
		scope: "col",
		class: "figure processed-ink"
	}, "processed"), l("th", {
		scope: "col",
		class: "bar-head"
	}, l("span", { class: "sr" }, "bars and "), "what removed it"))), i, o < t.length ? l("tbody", { class: "tail" }, s.element) : null);
	function u(e) {
		let { raw: t, processed: n } = e, r = se(t, o, t.to), i = se(n, o, n.to), c = Math.max(D(t, 0), D(n, n.from), r, i);
		a.forEach((r, i) => {
			let a = ke(e, i);
			ct(r, D(t, i), D(n, i), c, a === null ? "" : `${a.name}=${a.value}`);
			let o = e.stages.some((e) => e.removed > 0 && e.after.to === i + 1);
			r.element.classList.toggle("last-kept", o);
		});
		let l = Math.max(0, n.to - Math.max(o, n.from));
		ct(s, r, i, c, ""), m(s.fate, `${j(l)} kept, ${j(k(t) - o - l)} removed`), s.element.classList.toggle("removed", l === 0);
	}
	function d() {
		return st(l("th", {
			scope: "row",
			class: "token-cell"
		}, `${j(t.length - o)} more tokens`), l("td", { class: "figure wide-only" }));
	}
	return {
		element: c,
		draw: u
	};
}
function ot(e, t, n, r) {
	let i = e.tokens[t], a = rt(i), o = l("th", {
		scope: "row",
		class: "token-cell",
		title: `${it(i)}; id ${e.ids[t]}, rank ${t + 1}`
	});
	return r ? p(o, l("button", {
		type: "button",
		class: "pick",
		"aria-label": `Continue with ${it(i)}`,
		onclick: () => r(t)
	}, a)) : p(o, a), st(o, l("td", { class: "figure wide-only" }, A(n)));
}
function st(e, t) {
	let n = l("td", { class: "figure raw-ink" }), r = l("td", { class: "figure processed-ink" }), i = l("span", { class: "bar bar-raw" }), a = l("span", { class: "bar bar-processed" }), o = l("span", { class: "wide-only" }), s = l("span");
	return {
		element: l("tr", {}, e, t, n, r, l("td", { class: "bar-cell" }, l("span", {
			class: "bar-box",
			"aria-hidden": "true"
		}, i, a), l("span", { class: "fate" }, o, s))),
		raw: n,
		processed: r,
		rawBar: i,
		processedBar: a,
		fate: s,
		by: o
	};
}
function ct(e, t, n, r, i) {
	m(e.raw, We(t)), m(e.processed, i ? "–" : We(n)), e.raw.dataset.value = String(t), e.processed.dataset.value = String(n), e.rawBar.style.transform = `scaleX(${t / r})`, e.processedBar.style.transform = `scaleX(${n / r})`, e.element.classList.toggle("removed", i !== ""), m(e.by, i ? "removed by " : ""), m(e.fate, i);
}
// src/parts/chainEditor.ts
function lt(e, t) {
	let n = [], r = l("ol", {
		class: "chain",
		"aria-label": "Chain of stages, in the order in which they apply"
	}), i = l("select", {
		class: "chain-add",
		"aria-label": "Add a stage at the end",
		onchange: () => v(i.value)
	}), a = l("p", {
		class: "error",
		role: "alert"
	}), o = l("div", { class: "chain-editor" }, r, l("div", { class: "chain-tools" }, i), a), s = () => n.map((e) => e.stage), c = () => e(s());
	function u(e) {
		let t = s().filter(Se);
		if (Ce(e) === Ce(t)) return;
		let r = [...n];
		n = e.map((e) => {
			let t = r.findIndex((t) => t.stage.name === e.name), n = t >= 0 ? r.splice(t, 1)[0] : h(e);
			return f(n, e), n;
		}), d();
	}
	function d() {
		let e = document.activeElement, t = n.map((e) => e.item);
		(t.length !== r.children.length || t.some((e, t) => r.children[t] !== e)) && (p(r, ...t), e instanceof HTMLElement && r.contains(e) && e.focus()), n.forEach((e, t) => {
			e.handle.setAttribute("aria-label", `${e.stage.name}, stage ${t + 1} of ${n.length}. Arrow keys move it, Delete removes it.`);
		});
		let a = [...O.values()].filter((e) => !n.some((t) => t.stage.name === e.name));
		p(i, l("option", { value: "" }, "+ add a stage"), ...a.map((e) => l("option", { value: e.name }, `${e.name}: ${e.help}`))), i.hidden = a.length === 0;
	}
	function f(e, t) {
		e.stage = t, document.activeElement !== e.number && (e.number.value = String(t.value)), e.range.value = String(t.value), e.range.setAttribute("aria-valuetext", `${t.name} ${t.value}`);
	}
	function h(e) {
		let t = O.get(e.name), n = g(e.name), r = l("button", {
			type: "button",
			class: "handle",
			title: "Drag, or use the arrow keys, to change the order"
		}, l("span", { "aria-hidden": "true" }, "⠿")), { low: i, high: a, step: o } = t.slider, s = l("input", {
			type: "range",
			min: i,
			max: a,
			step: o,
			"aria-label": e.name,
			"data-stage": e.name
		}), c = l("input", {
			id: n,
			type: "number",
			min: t.low,
			step: "any",
			inputmode: "decimal",
			"data-number": e.name
		}), u = l("p", { class: "effect" }), d = l("button", {
			type: "button",
			class: "quiet remove",
			"aria-label": `Remove ${e.name}`
		}, l("span", { "aria-hidden": "true" }, "×")), p = {
			stage: e,
			item: l("li", {
				class: "stage",
				"data-name": e.name
			}, r, l("label", {
				for: n,
				class: "stage-name",
				title: t.help
			}, e.name), t.name === "temperature" ? null : s, c, d, u),
			handle: r,
			range: s,
			number: c,
			effect: u
		};
		return s.addEventListener("input", () => _(p, t, s.value)), c.addEventListener("input", () => _(p, t, c.value)), c.addEventListener("blur", () => f(p, p.stage)), d.addEventListener("click", () => y(p)), r.addEventListener("keydown", (e) => x(p, e)), S(p), p;
	}
	function _(e, t, n) {
		try {
			if (n.trim() === "") return;
			f(e, {
				name: t.name,
				value: be(t, Number(n), n)
			}), e.number.removeAttribute("aria-invalid"), m(a, ""), c();
		} catch (t) {
			e.number.setAttribute("aria-invalid", "true"), m(a, t.message);
		}
	}
	function v(e) {
		let r = ge(e);
		if (r === void 0) return;
		let i = h({
			name: r.name,
			value: r.initial
		});
		f(i, i.stage), n.push(i), d(), c(), i.number.focus(), t(`${e} added as stage ${n.length}`);
	}
	function y(e) {
		let r = n.indexOf(e);
		n.splice(r, 1), d(), c(), t(`${e.stage.name} removed`), (n[Math.min(r, n.length - 1)]?.handle ?? i).focus();
	}
	function b(e, r) {
		let i = n.indexOf(e);
		r < 0 || r >= n.length || r === i || (n.splice(i, 1), n.splice(r, 0, e), d(), c(), t(`${e.stage.name} is now stage ${r + 1} of ${n.length}`));
	}
	function x(e, t) {
		let r = n.indexOf(e), i = {
			ArrowUp: r - 1,
			ArrowLeft: r - 1,
			ArrowDown: r + 1,
			ArrowRight: r + 1
		}[t.key];
		if (i !== void 0) b(e, i);
		else if (t.key === "Delete" || t.key === "Backspace") y(e);
		else return;
		t.preventDefault(), e.handle.focus();
	}
	function S(e) {
		e.handle.addEventListener("pointerdown", (t) => {
			if (t.button !== 0) return;
			t.preventDefault(), e.handle.focus(), e.handle.setPointerCapture(t.pointerId), e.item.classList.add("dragged");
			let r = (t) => {
				let r = n.findIndex(({ item: e }) => {
					let n = e.getBoundingClientRect();
					return t.clientY >= n.top && t.clientY < n.bottom;
				});
				r >= 0 && b(e, r);
			}, i = () => {
				e.item.classList.remove("dragged"), e.handle.removeEventListener("pointermove", r), e.handle.removeEventListener("pointerup", i), e.handle.removeEventListener("pointercancel", i);
			};
			e.handle.addEventListener("pointermove", r), e.handle.addEventListener("pointerup", i), e.handle.addEventListener("pointercancel", i);
		});
	}
	function ee(e) {
		for (let t of n) {
			let n = e.find((e) => e.stage.name === t.stage.name);
			m(t.effect, n === void 0 ? "off" : ut(n));
		}
	}
	return d(), {
		element: o,
		show: u,
		report: ee
	};
}
function ut(e) {
	return !O.get(e.stage.name).truncates && e.removed === 0 ? e.stage.value === 1 ? "leaves the model as it is" : e.stage.value < 1 ? "sharpens" : "flattens" : `keeps ${j(e.kept)}, removes ${j(e.removed)}; keeps ${We(e.keptMass)} of the mass that came in`;
}
// src/parts/frame.ts
function dt(e) {
	let t = !1;
	return () => {
		t || (t = !0, requestAnimationFrame(() => {
			t = !1, e();
		}));
	};
}
function ft(e, t, n) {
	let r = 0, i = new ResizeObserver(([i]) => {
		let a = Math.max(280, Math.round(i.contentRect.width));
		a !== r && i.contentRect.width !== 0 && (r = a, e.setAttribute("viewBox", `0 0 ${a} ${t}`), n(a));
	});
	return i.observe(e), () => i.disconnect();
}
// node_modules/d3-array/src/ascending.js
function pt(e, t) {
	return e == null || t == null ? NaN : e < t ? -1 : e > t ? 1 : e >= t ? 0 : NaN;
}
// node_modules/d3-array/src/descending.js
function mt(e, t) {
	return e == null || t == null ? NaN : t < e ? -1 : t > e ? 1 : t >= e ? 0 : NaN;
}
// node_modules/d3-array/src/bisector.js
function ht(e) {
	let t, n, r;
	e.length === 2 ? (t = e === pt || e === mt ? e : gt, n = e, r = e) : (t = pt, n = (t, n) => pt(e(t), n), r = (t, n) => e(t) - n);
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
function gt() {
	return 0;
}
// node_modules/d3-array/src/number.js
function _t(e) {
	return e === null ? NaN : +e;
}
// node_modules/d3-array/src/bisect.js
var vt = ht(pt), yt = vt.right;
vt.left, ht(_t).center;
// node_modules/d3-array/src/ticks.js
var bt = Math.sqrt(50), xt = Math.sqrt(10), St = Math.sqrt(2);
function Ct(e, t, n) {
	let r = (t - e) / Math.max(0, n), i = Math.floor(Math.log10(r)), a = r / 10 ** i, o = a >= bt ? 10 : a >= xt ? 5 : a >= St ? 2 : 1, s, c, l;
	return i < 0 ? (l = 10 ** -i / o, s = Math.round(e * l), c = Math.round(t * l), s / l < e && ++s, c / l > t && --c, l = -l) : (l = 10 ** i * o, s = Math.round(e / l), c = Math.round(t / l), s * l < e && ++s, c * l > t && --c), c < s && .5 <= n && n < 2 ? Ct(e, t, n * 2) : [
		s,
		c,
		l
	];
}
function wt(e, t, n) {
	if (t = +t, e = +e, n = +n, !(n > 0)) return [];
	if (e === t) return [e];
	let r = t < e, [i, a, o] = r ? Ct(t, e, n) : Ct(e, t, n);
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
function Tt(e, t) {
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
function M(e, t, n) {
	e.prototype = t.prototype = n, n.constructor = e;
}
function N(e, t) {
	var n = Object.create(e.prototype);
	for (var r in t) n[r] = t[r];
	return n;
}
function P() {}
var F = .7, I = 1 / F, L = "\\s*([+-]?\\d+)\\s*", R = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)\\s*", z = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)%\\s*", Et = /^#([0-9a-f]{3,8})$/, Dt = RegExp(`^rgb\\(${L},${L},${L}\\)$`), Ot = RegExp(`^rgb\\(${z},${z},${z}\\)$`), kt = RegExp(`^rgba\\(${L},${L},${L},${R}\\)$`), At = RegExp(`^rgba\\(${z},${z},${z},${R}\\)$`), jt = RegExp(`^hsl\\(${R},${z},${z}\\)$`), Mt = RegExp(`^hsla\\(${R},${z},${z},${R}\\)$`), Nt = {
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
M(P, B, {
	copy(e) {
		return Object.assign(new this.constructor(), this, e);
	},
	displayable() {
		return this.rgb().displayable();
	},
	hex: Pt,
	formatHex: Pt,
	formatHex8: Ft,
	formatHsl: It,
	formatRgb: Lt,
	toString: Lt
});
function Pt() {
	return this.rgb().formatHex();
}
function Ft() {
	return this.rgb().formatHex8();
}
function It() {
	return qt(this).formatHsl();
}
function Lt() {
	return this.rgb().formatRgb();
}
function B(e) {
	var t, n;
	return e = (e + "").trim().toLowerCase(), (t = Et.exec(e)) ? (n = t[1].length, t = parseInt(t[1], 16), n === 6 ? Rt(t) : n === 3 ? new V(t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, (t & 15) << 4 | t & 15, 1) : n === 8 ? zt(t >> 24 & 255, t >> 16 & 255, t >> 8 & 255, (t & 255) / 255) : n === 4 ? zt(t >> 12 & 15 | t >> 8 & 240, t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, ((t & 15) << 4 | t & 15) / 255) : null) : (t = Dt.exec(e)) ? new V(t[1], t[2], t[3], 1) : (t = Ot.exec(e)) ? new V(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, 1) : (t = kt.exec(e)) ? zt(t[1], t[2], t[3], t[4]) : (t = At.exec(e)) ? zt(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, t[4]) : (t = jt.exec(e)) ? Kt(t[1], t[2] / 100, t[3] / 100, 1) : (t = Mt.exec(e)) ? Kt(t[1], t[2] / 100, t[3] / 100, t[4]) : Nt.hasOwnProperty(e) ? Rt(Nt[e]) : e === "transparent" ? new V(NaN, NaN, NaN, 0) : null;
}
function Rt(e) {
	return new V(e >> 16 & 255, e >> 8 & 255, e & 255, 1);
}
function zt(e, t, n, r) {
	return r <= 0 && (e = t = n = NaN), new V(e, t, n, r);
}
function Bt(e) {
	return e instanceof P || (e = B(e)), e ? (e = e.rgb(), new V(e.r, e.g, e.b, e.opacity)) : new V();
}
function Vt(e, t, n, r) {
	return arguments.length === 1 ? Bt(e) : new V(e, t, n, r ?? 1);
}
function V(e, t, n, r) {
	this.r = +e, this.g = +t, this.b = +n, this.opacity = +r;
}
M(V, Vt, N(P, {
	brighter(e) {
		return e = e == null ? I : I ** +e, new V(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? F : F ** +e, new V(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	rgb() {
		return this;
	},
	clamp() {
		return new V(H(this.r), H(this.g), H(this.b), Gt(this.opacity));
	},
	displayable() {
		return -.5 <= this.r && this.r < 255.5 && -.5 <= this.g && this.g < 255.5 && -.5 <= this.b && this.b < 255.5 && 0 <= this.opacity && this.opacity <= 1;
	},
	hex: Ht,
	formatHex: Ht,
	formatHex8: Ut,
	formatRgb: Wt,
	toString: Wt
}));
function Ht() {
	return `#${U(this.r)}${U(this.g)}${U(this.b)}`;
}
function Ut() {
	return `#${U(this.r)}${U(this.g)}${U(this.b)}${U((isNaN(this.opacity) ? 1 : this.opacity) * 255)}`;
}
function Wt() {
	let e = Gt(this.opacity);
	return `${e === 1 ? "rgb(" : "rgba("}${H(this.r)}, ${H(this.g)}, ${H(this.b)}${e === 1 ? ")" : `, ${e})`}`;
}
function Gt(e) {
	return isNaN(e) ? 1 : Math.max(0, Math.min(1, e));
}
function H(e) {
	return Math.max(0, Math.min(255, Math.round(e) || 0));
}
function U(e) {
	return e = H(e), (e < 16 ? "0" : "") + e.toString(16);
}
function Kt(e, t, n, r) {
	return r <= 0 ? e = t = n = NaN : n <= 0 || n >= 1 ? e = t = NaN : t <= 0 && (e = NaN), new W(e, t, n, r);
}
function qt(e) {
	if (e instanceof W) return new W(e.h, e.s, e.l, e.opacity);
	if (e instanceof P || (e = B(e)), !e) return new W();
	if (e instanceof W) return e;
	e = e.rgb();
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = Math.min(t, n, r), a = Math.max(t, n, r), o = NaN, s = a - i, c = (a + i) / 2;
	return s ? (o = t === a ? (n - r) / s + (n < r) * 6 : n === a ? (r - t) / s + 2 : (t - n) / s + 4, s /= c < .5 ? a + i : 2 - a - i, o *= 60) : s = c > 0 && c < 1 ? 0 : o, new W(o, s, c, e.opacity);
}
function Jt(e, t, n, r) {
	return arguments.length === 1 ? qt(e) : new W(e, t, n, r ?? 1);
}
function W(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
M(W, Jt, N(P, {
	brighter(e) {
		return e = e == null ? I : I ** +e, new W(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? F : F ** +e, new W(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = this.h % 360 + (this.h < 0) * 360, t = isNaN(e) || isNaN(this.s) ? 0 : this.s, n = this.l, r = n + (n < .5 ? n : 1 - n) * t, i = 2 * n - r;
		return new V(Zt(e >= 240 ? e - 240 : e + 120, i, r), Zt(e, i, r), Zt(e < 120 ? e + 240 : e - 120, i, r), this.opacity);
	},
	clamp() {
		return new W(Yt(this.h), Xt(this.s), Xt(this.l), Gt(this.opacity));
	},
	displayable() {
		return (0 <= this.s && this.s <= 1 || isNaN(this.s)) && 0 <= this.l && this.l <= 1 && 0 <= this.opacity && this.opacity <= 1;
	},
	formatHsl() {
		let e = Gt(this.opacity);
		return `${e === 1 ? "hsl(" : "hsla("}${Yt(this.h)}, ${Xt(this.s) * 100}%, ${Xt(this.l) * 100}%${e === 1 ? ")" : `, ${e})`}`;
	}
}));
function Yt(e) {
	return e = (e || 0) % 360, e < 0 ? e + 360 : e;
}
function Xt(e) {
	return Math.max(0, Math.min(1, e || 0));
}
function Zt(e, t, n) {
	return (e < 60 ? t + (n - t) * e / 60 : e < 180 ? n : e < 240 ? t + (n - t) * (240 - e) / 60 : t) * 255;
}
var Qt = Math.PI / 180, $t = 180 / Math.PI, en = 18, tn = .96422, nn = 1, rn = .82521, an = 4 / 29, G = 6 / 29, on = 3 * G * G, sn = G * G * G;
function cn(e) {
	if (e instanceof K) return new K(e.l, e.a, e.b, e.opacity);
	if (e instanceof q) return gn(e);
	e instanceof V || (e = Bt(e));
	var t = pn(e.r), n = pn(e.g), r = pn(e.b), i = un((.2225045 * t + .7168786 * n + .0606169 * r) / nn), a, o;
	return t === n && n === r ? a = o = i : (a = un((.4360747 * t + .3850649 * n + .1430804 * r) / tn), o = un((.0139322 * t + .0971045 * n + .7141733 * r) / rn)), new K(116 * i - 16, 500 * (a - i), 200 * (i - o), e.opacity);
}
function ln(e, t, n, r) {
	return arguments.length === 1 ? cn(e) : new K(e, t, n, r ?? 1);
}
function K(e, t, n, r) {
	this.l = +e, this.a = +t, this.b = +n, this.opacity = +r;
}
M(K, ln, N(P, {
	brighter(e) {
		return new K(this.l + en * (e ?? 1), this.a, this.b, this.opacity);
	},
	darker(e) {
		return new K(this.l - en * (e ?? 1), this.a, this.b, this.opacity);
	},
	rgb() {
		var e = (this.l + 16) / 116, t = isNaN(this.a) ? e : e + this.a / 500, n = isNaN(this.b) ? e : e - this.b / 200;
		return t = tn * dn(t), e = nn * dn(e), n = rn * dn(n), new V(fn(3.1338561 * t - 1.6168667 * e - .4906146 * n), fn(-.9787684 * t + 1.9161415 * e + .033454 * n), fn(.0719453 * t - .2289914 * e + 1.4052427 * n), this.opacity);
	}
}));
function un(e) {
	return e > sn ? e ** (1 / 3) : e / on + an;
}
function dn(e) {
	return e > G ? e * e * e : on * (e - an);
}
function fn(e) {
	return 255 * (e <= .0031308 ? 12.92 * e : 1.055 * e ** (1 / 2.4) - .055);
}
function pn(e) {
	return (e /= 255) <= .04045 ? e / 12.92 : ((e + .055) / 1.055) ** 2.4;
}
function mn(e) {
	if (e instanceof q) return new q(e.h, e.c, e.l, e.opacity);
	if (e instanceof K || (e = cn(e)), e.a === 0 && e.b === 0) return new q(NaN, 0 < e.l && e.l < 100 ? 0 : NaN, e.l, e.opacity);
	var t = Math.atan2(e.b, e.a) * $t;
	return new q(t < 0 ? t + 360 : t, Math.sqrt(e.a * e.a + e.b * e.b), e.l, e.opacity);
}
function hn(e, t, n, r) {
	return arguments.length === 1 ? mn(e) : new q(e, t, n, r ?? 1);
}
function q(e, t, n, r) {
	this.h = +e, this.c = +t, this.l = +n, this.opacity = +r;
}
function gn(e) {
	if (isNaN(e.h)) return new K(e.l, 0, 0, e.opacity);
	var t = e.h * Qt;
	return new K(e.l, Math.cos(t) * e.c, Math.sin(t) * e.c, e.opacity);
}
M(q, hn, N(P, {
	brighter(e) {
		return new q(this.h, this.c, this.l + en * (e ?? 1), this.opacity);
	},
	darker(e) {
		return new q(this.h, this.c, this.l - en * (e ?? 1), this.opacity);
	},
	rgb() {
		return gn(this).rgb();
	}
}));
var _n = -.14861, vn = 1.78277, yn = -.29227, bn = -.90649, xn = 1.97294, Sn = xn * bn, Cn = xn * vn, wn = vn * yn - bn * _n;
function Tn(e) {
	if (e instanceof J) return new J(e.h, e.s, e.l, e.opacity);
	e instanceof V || (e = Bt(e));
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = (wn * r + Sn * t - Cn * n) / (wn + Sn - Cn), a = r - i, o = (xn * (n - i) - yn * a) / bn, s = Math.sqrt(o * o + a * a) / (xn * i * (1 - i)), c = s ? Math.atan2(o, a) * $t - 120 : NaN;
	return new J(c < 0 ? c + 360 : c, s, i, e.opacity);
}
function En(e, t, n, r) {
	return arguments.length === 1 ? Tn(e) : new J(e, t, n, r ?? 1);
}
function J(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
M(J, En, N(P, {
	brighter(e) {
		return e = e == null ? I : I ** +e, new J(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? F : F ** +e, new J(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = isNaN(this.h) ? 0 : (this.h + 120) * Qt, t = +this.l, n = isNaN(this.s) ? 0 : this.s * t * (1 - t), r = Math.cos(e), i = Math.sin(e);
		return new V(255 * (t + n * (_n * r + vn * i)), 255 * (t + n * (yn * r + bn * i)), 255 * (t + xn * r * n), this.opacity);
	}
}));
var Dn = (e) => () => e;
function On(e, t) {
	return function(n) {
		return e + n * t;
	};
}
function kn(e, t, n) {
	return e **= +n, t = t ** +n - e, n = 1 / n, function(r) {
		return (e + r * t) ** +n;
	};
}
function An(e, t) {
	var n = t - e;
	return n ? On(e, n > 180 || n < -180 ? n - 360 * Math.round(n / 360) : n) : Dn(isNaN(e) ? t : e);
}
function jn(e) {
	return (e = +e) == 1 ? Y : function(t, n) {
		return n - t ? kn(t, n, e) : Dn(isNaN(t) ? n : t);
	};
}
function Y(e, t) {
	var n = t - e;
	return n ? On(e, n) : Dn(isNaN(e) ? t : e);
}
var Mn = (function e(t) {
	var n = jn(t);
	function r(e, t) {
		var r = n((e = Vt(e)).r, (t = Vt(t)).r), i = n(e.g, t.g), a = n(e.b, t.b), o = Y(e.opacity, t.opacity);
		return function(t) {
			return e.r = r(t), e.g = i(t), e.b = a(t), e.opacity = o(t), e + "";
		};
	}
	return r.gamma = e, r;
})(1);
function Nn(e, t) {
	t ||= [];
	var n = e ? Math.min(t.length, e.length) : 0, r = t.slice(), i;
	return function(a) {
		for (i = 0; i < n; ++i) r[i] = e[i] * (1 - a) + t[i] * a;
		return r;
	};
}
function Pn(e) {
	return ArrayBuffer.isView(e) && !(e instanceof DataView);
}
function Fn(e, t) {
	for (var n = t ? t.length : 0, r = e ? Math.min(n, e.length) : 0, i = Array(r), a = Array(n), o = 0; o < r; ++o) i[o] = Wn(e[o], t[o]);
	for (; o < n; ++o) a[o] = t[o];
	return function(e) {
		for (o = 0; o < r; ++o) a[o] = i[o](e);
		return a;
	};
}
function In(e, t) {
	var n = /* @__PURE__ */ new Date();
	return e = +e, t = +t, function(r) {
		return n.setTime(e * (1 - r) + t * r), n;
	};
}
function Ln(e, t) {
	return e = +e, t = +t, function(n) {
		return e * (1 - n) + t * n;
	};
}
function Rn(e, t) {
	var n = {}, r = {}, i;
	for (i in typeof e == "object" && e || (e = {}), typeof t == "object" && t || (t = {}), t) i in e ? n[i] = Wn(e[i], t[i]) : r[i] = t[i];
	return function(e) {
		for (i in n) r[i] = n[i](e);
		return r;
	};
}
var zn = /[-+]?(?:\d+\.?\d*|\.?\d+)(?:[eE][-+]?\d+)?/g, Bn = new RegExp(zn.source, "g");
function Vn(e) {
	return function() {
		return e;
	};
}
function Hn(e) {
	return function(t) {
		return e(t) + "";
	};
}
function Un(e, t) {
	var n = zn.lastIndex = Bn.lastIndex = 0, r, i, a, o = -1, s = [], c = [];
	for (e += "", t += ""; (r = zn.exec(e)) && (i = Bn.exec(t));) (a = i.index) > n && (a = t.slice(n, a), s[o] ? s[o] += a : s[++o] = a), (r = r[0]) === (i = i[0]) ? s[o] ? s[o] += i : s[++o] = i : (s[++o] = null, c.push({
		i: o,
		x: Ln(r, i)
	})), n = Bn.lastIndex;
	return n < t.length && (a = t.slice(n), s[o] ? s[o] += a : s[++o] = a), s.length < 2 ? c[0] ? Hn(c[0].x) : Vn(t) : (t = c.length, function(e) {
		for (var n = 0, r; n < t; ++n) s[(r = c[n]).i] = r.x(e);
		return s.join("");
	});
}
function Wn(e, t) {
	var n = typeof t, r;
	return t == null || n === "boolean" ? Dn(t) : (n === "number" ? Ln : n === "string" ? (r = B(t)) ? (t = r, Mn) : Un : t instanceof B ? Mn : t instanceof Date ? In : Pn(t) ? Nn : Array.isArray(t) ? Fn : typeof t.valueOf != "function" && typeof t.toString != "function" || isNaN(t) ? Rn : Ln)(e, t);
}
function Gn(e, t) {
	return e = +e, t = +t, function(n) {
		return Math.round(e * (1 - n) + t * n);
	};
}
var Kn = 1e-12;
function qn(e) {
	return ((e = Math.exp(e)) + 1 / e) / 2;
}
function Jn(e) {
	return ((e = Math.exp(e)) - 1 / e) / 2;
}
function Yn(e) {
	return ((e = Math.exp(2 * e)) - 1) / (e + 1);
}
(function e(t, n, r) {
	function i(e, i) {
		var a = e[0], o = e[1], s = e[2], c = i[0], l = i[1], u = i[2], d = c - a, f = l - o, p = d * d + f * f, m, h;
		if (p < Kn) h = Math.log(u / s) / t, m = function(e) {
			return [
				a + e * d,
				o + e * f,
				s * Math.exp(t * e * h)
			];
		};
		else {
			var g = Math.sqrt(p), _ = (u * u - s * s + r * p) / (2 * s * n * g), v = (u * u - s * s - r * p) / (2 * u * n * g), y = Math.log(Math.sqrt(_ * _ + 1) - _);
			h = (Math.log(Math.sqrt(v * v + 1) - v) - y) / t, m = function(e) {
				var r = e * h, i = qn(y), c = s / (n * g) * (i * Yn(t * r + y) - Jn(y));
				return [
					a + c * d,
					o + c * f,
					s * i / qn(t * r + y)
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
function Xn(e) {
	return (function t(n) {
		n = +n;
		function r(t, r) {
			var i = e((t = En(t)).h, (r = En(r)).h), a = Y(t.s, r.s), o = Y(t.l, r.l), s = Y(t.opacity, r.opacity);
			return function(e) {
				return t.h = i(e), t.s = a(e), t.l = o(e ** +n), t.opacity = s(e), t + "";
			};
		}
		return r.gamma = t, r;
	})(1);
}
Xn(An), Xn(Y);
// node_modules/d3-scale/src/constant.js
function Zn(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-scale/src/number.js
function Qn(e) {
	return +e;
}
// node_modules/d3-scale/src/continuous.js
var $n = [0, 1];
function er(e) {
	return e;
}
function tr(e, t) {
	return (t -= e = +e) ? function(n) {
		return (n - e) / t;
	} : Zn(isNaN(t) ? NaN : .5);
}
function nr(e, t) {
	var n;
	return e > t && (n = e, e = t, t = n), function(n) {
		return Math.max(e, Math.min(t, n));
	};
}
function rr(e, t, n) {
	var r = e[0], i = e[1], a = t[0], o = t[1];
	return i < r ? (r = tr(i, r), a = n(o, a)) : (r = tr(r, i), a = n(a, o)), function(e) {
		return a(r(e));
	};
}
function ir(e, t, n) {
	var r = Math.min(e.length, t.length) - 1, i = Array(r), a = Array(r), o = -1;
	for (e[r] < e[0] && (e = e.slice().reverse(), t = t.slice().reverse()); ++o < r;) i[o] = tr(e[o], e[o + 1]), a[o] = n(t[o], t[o + 1]);
	return function(t) {
		var n = yt(e, t, 1, r) - 1;
		return a[n](i[n](t));
	};
}
function ar(e, t) {
	return t.domain(e.domain()).range(e.range()).interpolate(e.interpolate()).clamp(e.clamp()).unknown(e.unknown());
}
function or() {
	var e = $n, t = $n, n = Wn, r, i, a, o = er, s, c, l;
	function u() {
		var n = Math.min(e.length, t.length);
		return o !== er && (o = nr(e[0], e[n - 1])), s = n > 2 ? ir : rr, c = l = null, d;
	}
	function d(i) {
		return i == null || isNaN(i = +i) ? a : (c ||= s(e.map(r), t, n))(r(o(i)));
	}
	return d.invert = function(n) {
		return o(i((l ||= s(t, e.map(r), Ln))(n)));
	}, d.domain = function(t) {
		return arguments.length ? (e = Array.from(t, Qn), u()) : e.slice();
	}, d.range = function(e) {
		return arguments.length ? (t = Array.from(e), u()) : t.slice();
	}, d.rangeRound = function(e) {
		return t = Array.from(e), n = Gn, u();
	}, d.clamp = function(e) {
		return arguments.length ? (o = e ? !0 : er, u()) : o !== er;
	}, d.interpolate = function(e) {
		return arguments.length ? (n = e, u()) : n;
	}, d.unknown = function(e) {
		return arguments.length ? (a = e, d) : a;
	}, function(e, t) {
		return r = e, i = t, u();
	};
}
// node_modules/d3-format/dist/d3-format.mjs
function sr(e) {
	return Math.abs(e = Math.round(e)) >= 1e21 ? e.toLocaleString("en").replace(/,/g, "") : e.toString(10);
}
function cr(e, t) {
	if (!isFinite(e) || e === 0) return null;
	var n = (e = t ? e.toExponential(t - 1) : e.toExponential()).indexOf("e"), r = e.slice(0, n);
	return [r.length > 1 ? r[0] + r.slice(2) : r, +e.slice(n + 1)];
}
function lr(e) {
	return e = cr(Math.abs(e)), e ? e[1] : NaN;
}
function ur(e, t) {
	return function(n, r) {
		for (var i = n.length, a = [], o = 0, s = e[0], c = 0; i > 0 && s > 0 && (c + s + 1 > r && (s = Math.max(1, r - c)), a.push(n.substring(i -= s, i + s)), !((c += s + 1) > r));) s = e[o = (o + 1) % e.length];
		return a.reverse().join(t);
	};
}
function dr(e) {
	return function(t) {
		return t.replace(/[0-9]/g, function(t) {
			return e[+t];
		});
	};
}
var fr = /^(?:(.)?([<>=^]))?([+\-( ])?([$#])?(0)?(\d+)?(,)?(\.\d+)?(~)?([a-z%])?$/i;
function pr(e) {
	if (!(t = fr.exec(e))) throw Error("invalid format: " + e);
	var t;
	return new mr({
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
pr.prototype = mr.prototype;
function mr(e) {
	this.fill = e.fill === void 0 ? " " : e.fill + "", this.align = e.align === void 0 ? ">" : e.align + "", this.sign = e.sign === void 0 ? "-" : e.sign + "", this.symbol = e.symbol === void 0 ? "" : e.symbol + "", this.zero = !!e.zero, this.width = e.width === void 0 ? void 0 : +e.width, this.comma = !!e.comma, this.precision = e.precision === void 0 ? void 0 : +e.precision, this.trim = !!e.trim, this.type = e.type === void 0 ? "" : e.type + "";
}
mr.prototype.toString = function() {
	return this.fill + this.align + this.sign + this.symbol + (this.zero ? "0" : "") + (this.width === void 0 ? "" : Math.max(1, this.width | 0)) + (this.comma ? "," : "") + (this.precision === void 0 ? "" : "." + Math.max(0, this.precision | 0)) + (this.trim ? "~" : "") + this.type;
};
function hr(e) {
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
var gr;
function _r(e, t) {
	var n = cr(e, t);
	if (!n) return gr = void 0, e.toPrecision(t);
	var r = n[0], i = n[1], a = i - (gr = Math.max(-8, Math.min(8, Math.floor(i / 3))) * 3) + 1, o = r.length;
	return a === o ? r : a > o ? r + Array(a - o + 1).join("0") : a > 0 ? r.slice(0, a) + "." + r.slice(a) : "0." + Array(1 - a).join("0") + cr(e, Math.max(0, t + a - 1))[0];
}
function vr(e, t) {
	var n = cr(e, t);
	if (!n) return e + "";
	var r = n[0], i = n[1];
	return i < 0 ? "0." + Array(-i).join("0") + r : r.length > i + 1 ? r.slice(0, i + 1) + "." + r.slice(i + 1) : r + Array(i - r.length + 2).join("0");
}
var yr = {
	"%": (e, t) => (e * 100).toFixed(t),
	b: (e) => Math.round(e).toString(2),
	c: (e) => e + "",
	d: sr,
	e: (e, t) => e.toExponential(t),
	f: (e, t) => e.toFixed(t),
	g: (e, t) => e.toPrecision(t),
	o: (e) => Math.round(e).toString(8),
	p: (e, t) => vr(e * 100, t),
	r: vr,
	s: _r,
	X: (e) => Math.round(e).toString(16).toUpperCase(),
	x: (e) => Math.round(e).toString(16)
};
function br(e) {
	return e;
}
var xr = Array.prototype.map, Sr = [
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
function Cr(e) {
	var t = e.grouping === void 0 || e.thousands === void 0 ? br : ur(xr.call(e.grouping, Number), e.thousands + ""), n = e.currency === void 0 ? "" : e.currency[0] + "", r = e.currency === void 0 ? "" : e.currency[1] + "", i = e.decimal === void 0 ? "." : e.decimal + "", a = e.numerals === void 0 ? br : dr(xr.call(e.numerals, String)), o = e.percent === void 0 ? "%" : e.percent + "", s = e.minus === void 0 ? "−" : e.minus + "", c = e.nan === void 0 ? "NaN" : e.nan + "";
	function l(e, l) {
		e = pr(e);
		var u = e.fill, d = e.align, f = e.sign, p = e.symbol, m = e.zero, h = e.width, g = e.comma, _ = e.precision, v = e.trim, y = e.type;
		y === "n" ? (g = !0, y = "g") : yr[y] || (_ === void 0 && (_ = 12), v = !0, y = "g"), (m || u === "0" && d === "=") && (m = !0, u = "0", d = "=");
		var b = (l && l.prefix !== void 0 ? l.prefix : "") + (p === "$" ? n : p === "#" && /[boxX]/.test(y) ? "0" + y.toLowerCase() : ""), x = (p === "$" ? r : /[%p]/.test(y) ? o : "") + (l && l.suffix !== void 0 ? l.suffix : ""), S = yr[y], ee = /[defgprs%]/.test(y);
		_ = _ === void 0 ? 6 : /[gprs]/.test(y) ? Math.max(1, Math.min(21, _)) : Math.max(0, Math.min(20, _));
		function C(e) {
			var n = b, r = x, o, l, p;
			if (y === "c") r = S(e) + r, e = "";
			else {
				e = +e;
				var C = e < 0 || 1 / e < 0;
				if (e = isNaN(e) ? c : S(Math.abs(e), _), v && (e = hr(e)), C && +e == 0 && f !== "+" && (C = !1), n = (C ? f === "(" ? f : s : f === "-" || f === "(" ? "" : f) + n, r = (y === "s" && !isNaN(e) && gr !== void 0 ? Sr[8 + gr / 3] : "") + r + (C && f === "(" ? ")" : ""), ee) {
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
		var n = Math.max(-8, Math.min(8, Math.floor(lr(t) / 3))) * 3, r = 10 ** -n, i = l((e = pr(e), e.type = "f", e), { suffix: Sr[8 + n / 3] });
		return function(e) {
			return i(r * e);
		};
	}
	return {
		format: l,
		formatPrefix: u
	};
}
var wr, Tr;
Er({
	thousands: ",",
	grouping: [3],
	currency: ["$", ""]
});
function Er(e) {
	return wr = Cr(e), Tr = wr.format, wr.formatPrefix, wr;
}
// node_modules/d3-scale/src/nice.js
function Dr(e, t) {
	e = e.slice();
	var n = 0, r = e.length - 1, i = e[n], a = e[r], o;
	return a < i && (o = n, n = r, r = o, o = i, i = a, a = o), e[n] = t.floor(i), e[r] = t.ceil(a), e;
}
// node_modules/d3-scale/src/log.js
function Or(e) {
	return Math.log(e);
}
function kr(e) {
	return Math.exp(e);
}
function Ar(e) {
	return -Math.log(-e);
}
function jr(e) {
	return -Math.exp(-e);
}
function Mr(e) {
	return isFinite(e) ? +("1e" + e) : e < 0 ? 0 : e;
}
function Nr(e) {
	return e === 10 ? Mr : e === Math.E ? Math.exp : (t) => e ** +t;
}
function Pr(e) {
	return e === Math.E ? Math.log : e === 10 && Math.log10 || e === 2 && Math.log2 || (e = Math.log(e), (t) => Math.log(t) / e);
}
function Fr(e) {
	return (t, n) => -e(-t, n);
}
function Ir(e) {
	let t = e(Or, kr), n = t.domain, r = 10, i, a;
	function o() {
		return i = Pr(r), a = Nr(r), n()[0] < 0 ? (i = Fr(i), a = Fr(a), e(Ar, jr)) : e(Or, kr), t;
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
			m.length * 2 < p && (m = wt(o, s, p));
		} else m = wt(l, u, Math.min(u - l, p)).map(a);
		return c ? m.reverse() : m;
	}, t.tickFormat = (e, n) => {
		if (e ??= 10, n ??= r === 10 ? "s" : ",", typeof n != "function" && (!(r % 1) && (n = pr(n)).precision == null && (n.trim = !0), n = Tr(n)), e === Infinity) return n;
		let o = Math.max(1, r * e / t.ticks().length);
		return (e) => {
			let t = e / a(Math.round(i(e)));
			return t * r < r - .5 && (t *= r), t <= o ? n(e) : "";
		};
	}, t.nice = () => n(Dr(n(), {
		floor: (e) => a(Math.floor(i(e))),
		ceil: (e) => a(Math.ceil(i(e)))
	})), t;
}
function Lr() {
	let e = Ir(or()).domain([1, 10]);
	return e.copy = () => ar(e, Lr()).base(e.base()), Tt.apply(e, arguments), e;
}
// node_modules/d3-shape/src/constant.js
function X(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-path/dist/d3-path.mjs
var Rr = Math.PI, zr = 2 * Rr, Z = 1e-6, Br = zr - Z;
function Vr(e) {
	this._ += e[0];
	for (let t = 1, n = e.length; t < n; ++t) this._ += arguments[t] + e[t];
}
function Hr(e) {
	let t = Math.floor(e);
	if (!(t >= 0)) throw Error(`invalid digits: ${e}`);
	if (t > 15) return Vr;
	let n = 10 ** t;
	return function(e) {
		this._ += e[0];
		for (let t = 1, r = e.length; t < r; ++t) this._ += Math.round(arguments[t] * n) / n + e[t];
	};
}
function Ur(e, t, n, r) {
	return e === n && t === r;
}
function Wr(e) {
	let t = Math.floor(e);
	if (!(t <= 15)) return Ur;
	let n = 10 ** t, r = function(e) {
		return Math.round(e * n);
	};
	return function(e, t, n, i) {
		return r(e) === r(n) && r(t) === r(i);
	};
}
var Gr = class {
	constructor(e) {
		this._x0 = this._y0 = this._x1 = this._y1 = null, this._ = "", this._append = e == null ? Vr : Hr(e), this._equal = e == null ? Ur : Wr(e);
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
		else if (d > Z) {
			if (!(Math.abs(u * s - c * l) > Z) || !i) this._append`L${this._x1 = e},${this._y1 = t}`;
			else {
				let f = n - a, p = r - o, m = s * s + c * c, h = f * f + p * p, g = Math.sqrt(m), _ = Math.sqrt(d), v = i * Math.tan((Rr - Math.acos((m + d - h) / (2 * g * _))) / 2), y = v / _, b = v / g;
				Math.abs(y - 1) > Z && this._append`L${e + y * l},${t + y * u}`, this._append`A${i},${i},0,0,${+(u * f > l * p)},${this._x1 = e + b * s},${this._y1 = t + b * c}`;
			}
		}
	}
	arc(e, t, n, r, i, a) {
		if (e = +e, t = +t, n = +n, a = !!a, n < 0) throw Error(`negative radius: ${n}`);
		let o = n * Math.cos(r), s = n * Math.sin(r), c = e + o, l = t + s, u = 1 ^ a, d = a ? r - i : i - r;
		if (this._x1 === null ? this._append`M${c},${l}` : (Math.abs(this._x1 - c) > Z || Math.abs(this._y1 - l) > Z) && this._append`L${c},${l}`, n) {
			if (d < 0 && (d = d % zr + zr), d > Br) this._append`A${n},${n},0,1,${u},${e - o},${t - s}A${n},${n},0,1,${u},${this._x1 = c},${this._y1 = l}`;
			else if (d > Z) {
				let a = e + n * Math.cos(i), o = t + n * Math.sin(i);
				if (d >= Rr && this._equal(c, l, a, o)) {
					d /= 2;
					let i = r + d;
					this._append`A${n},${n},0,${+(d >= Rr)},${u},${e + n * Math.cos(i)},${t + n * Math.sin(i)}`;
				}
				this._append`A${n},${n},0,${+(d >= Rr)},${u},${this._x1 = a},${this._y1 = o}`;
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
Gr.prototype;
// node_modules/d3-shape/src/path.js
function Kr(e) {
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
	}, () => new Gr(t);
}
Array.prototype.slice;
function qr(e) {
	return typeof e == "object" && "length" in e ? e : Array.from(e);
}
// node_modules/d3-shape/src/curve/linear.js
function Jr(e) {
	this._context = e;
}
Jr.prototype = {
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
function Yr(e) {
	return new Jr(e);
}
// node_modules/d3-shape/src/point.js
function Xr(e) {
	return e[0];
}
function Zr(e) {
	return e[1];
}
// node_modules/d3-shape/src/line.js
function Qr(e, t) {
	var n = X(!0), r = null, i = Yr, a = null, o = Kr(s);
	e = typeof e == "function" ? e : e === void 0 ? Xr : X(e), t = typeof t == "function" ? t : t === void 0 ? Zr : X(t);
	function s(s) {
		var c, l = (s = qr(s)).length, u, d = !1, f;
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
function $r(e, t, n) {
	var r = null, i = X(!0), a = null, o = Yr, s = null, c = Kr(l);
	e = typeof e == "function" ? e : e === void 0 ? Xr : X(+e), t = typeof t == "function" ? t : X(t === void 0 ? 0 : +t), n = typeof n == "function" ? n : n === void 0 ? Zr : X(+n);
	function l(l) {
		var u, d, f, p = (l = qr(l)).length, m, h = !1, g, _ = Array(p), v = Array(p);
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
		return Qr().defined(i).curve(o).context(a);
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
// src/parts/rankChart.ts
var Q = 260, $ = {
	left: 52,
	right: 14,
	top: 26,
	bottom: 34
}, ei = 1e-10, ti = 240;
function ni(e) {
	let t = Lr([1, Math.max(e, 2)], [$.left, 640]), n = Lr([ei, 1], [Q - $.bottom, $.top]).clamp(!0), r = oi(e), i = u("path", { class: "area-kept" }), a = u("path", { class: "line-raw" }), o = u("path", { class: "line-processed" }), s = u("g", { class: "cuts" }), c = u("title", {}), l = u("g", {
		class: "axes",
		"aria-hidden": "true"
	}), d = null, f = u("svg", {
		viewBox: `0 0 640 ${Q}`,
		class: "chart rank-chart",
		role: "img"
	}, c, l, i, a, o, s);
	function h(e) {
		return r.filter((t) => t >= e.from && t < e.to).map((r) => [t(r + 1), n(Math.exp(oe(e, r)))]);
	}
	let g = ft(f, Q, (r) => {
		t.range([$.left, r - $.right]), p(l, ...ii(e, t, n, r)), d !== null && _(d);
	});
	function _(e) {
		d = e;
		let { processed: r, raw: l } = e, u = h(r);
		r.to - r.from > 1 && u.push([t(r.to), n(Math.exp(oe(r, r.to - 1)))]), u.sort((e, t) => e[0] - t[0]), a.setAttribute("d", Qr()(h(l)) ?? ""), o.setAttribute("d", Qr()(u) ?? ""), i.setAttribute("d", $r().x((e) => e[0]).y1((e) => e[1]).y0(n(ei))(u) ?? ""), p(s, ...ri(e, t)), m(c, `Probability against rank. Raw: grey. Processed: ${j(k(r))} of ${j(k(l))} tokens, from ${A(Math.exp(oe(r, r.from)))} down to ${A(Math.exp(oe(r, r.to - 1)))}.`);
	}
	return {
		element: f,
		draw: _,
		close: g
	};
}
function ri(e, t) {
	return e.stages.filter((e) => e.removed > 0 && e.after.to < e.before.to).map((e, n) => {
		let r = t(e.after.to + .5), i = r > t.range()[1] * .75;
		return u("g", {}, u("line", {
			class: "cut",
			x1: r,
			x2: r,
			y1: $.top,
			y2: Q - $.bottom
		}), u("text", {
			class: "cut-label",
			x: r + (i ? -4 : 4),
			y: $.top + 10 + 13 * n,
			"text-anchor": i ? "end" : "start"
		}, `${e.stage.name}=${e.stage.value}`));
	});
}
function ii(e, t, n, r) {
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
		...i.map((e) => u("text", {
			x: t(e),
			y: Q - $.bottom + 15,
			"text-anchor": e === 1 ? "start" : "middle"
		}, j(e))),
		...a.flatMap((e) => [u("line", {
			class: "grid",
			x1: $.left,
			x2: r - $.right,
			y1: n(e),
			y2: n(e)
		}), u("text", {
			x: $.left - 6,
			y: n(e) + 4,
			"text-anchor": "end"
		}, e === 1 ? "1" : `10${ai(Math.log10(e))}`)]),
		u("text", {
			x: r - $.right,
			y: 256,
			"text-anchor": "end"
		}, "rank of the token →"),
		u("text", {
			x: 2,
			y: 12
		}, "probability")
	];
}
function ai(e) {
	return String(Math.round(e)).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
function oi(e) {
	let t = Array.from({ length: ti }, (t, n) => Math.round(e ** (n / 239)) - 1);
	return [...new Set(t)].sort((e, t) => e - t);
}
// src/views/position.ts
var si = 20, ci = 3;
function li(e, t, n) {
	let r = Be(e.logits), { state: i, announce: a } = t, o, s = lt((e) => x(e), a), c = fi((e) => x(Te(b(), e))), u = l("div"), d = at(e, r, si, n), f = ni(r.length), m = mi(), h = l("ul", {
		class: "warnings",
		"aria-label": "Where the settings conflict"
	}), g = dt(S), _ = l("button", {
		type: "button",
		class: "quiet more",
		onclick: () => y(v * 3)
	}, "Show more tokens"), v = si;
	function y(t) {
		v = Math.min(t, e.tokens.length), d = at(e, r, v, n), p(u, d.element), _.hidden = v >= e.tokens.length, o !== void 0 && d.draw(o);
	}
	function b() {
		try {
			return ve(i.get("chain") ?? e.chain);
		} catch {
			return ve(e.chain);
		}
	}
	function x(e) {
		i.set("chain", Ce(e.filter(Se)) || " ");
	}
	function S() {
		let e = b();
		o = Oe(e, r), s.show(e), s.report(o.stages), c.show(we(e)), d.draw(o), f.draw(o), m.draw(o), p(h, ...o.warnings.map((e) => l("li", {}, e))), h.hidden = o.warnings.length === 0;
	}
	let ee = i.listen((e) => e === "chain" && g()), C = l("div", { class: "position" }, ui(e), l("div", { class: "columns" }, l("section", {
		class: "card controls",
		"aria-label": "Settings"
	}, c.element, s.element, h), l("section", {
		class: "card",
		"aria-label": "Distribution of the next token"
	}, m.element, u, _)), l("figure", { class: "card" }, l("figcaption", {}, l("b", {}, `All ${j(r.length)} tokens by rank. `), di()), f.element));
	return y(si), S(), {
		element: C,
		close: () => {
			ee(), f.close();
		},
		download: {
			name: "retort-position",
			json: () => hi(e, o),
			csv: () => gi(e, r, o),
			svg: () => f.element
		}
	};
}
function ui(e) {
	return l("div", { class: "prompt" }, l("p", { class: "meta" }, `${e.model}, after`), l("p", {
		class: "tokens",
		dir: "auto"
	}, ...e.prompt_tokens.map(rt)), e.note ? l("p", { class: "note" }, e.note) : null);
}
function di() {
	return l("span", { class: "legend" }, l("span", { class: "key key-raw" }, "raw: the model's own, τ = 1"), l("span", { class: "key key-processed" }, "processed: what sampling draws from"), l("span", { class: "key key-cut" }, "where a stage cuts"));
}
function fi(e) {
	let t = g("tau"), n = l("input", {
		id: t,
		type: "range",
		min: 0,
		max: ci,
		step: .01,
		class: "tau",
		oninput: () => e(Number(n.value))
	}), r = l("output", {
		for: t,
		class: "tau-value"
	});
	return {
		element: l("div", { class: "tau-box" }, l("label", { for: t }, "temperature τ"), r, n, l("div", {
			class: "tau-ends",
			"aria-hidden": "true"
		}, l("span", {}, "0 greedy"), l("span", {}, "1 raw"), l("span", {}, "3"))),
		show(e) {
			n.value = String(e), n.setAttribute("aria-valuetext", `τ ${Ge(e)}${e === 0 ? ", greedy" : e === 1 ? ", the model's own" : ""}`), m(r, Ge(e));
		}
	};
}
var pi = [
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
		(e) => je(e.raw),
		(e) => je(e.processed)
	],
	[
		"kept",
		"tokens that can come",
		"",
		(e) => k(e.raw),
		(e) => k(e.processed)
	]
];
function mi() {
	let e = pi.map(([e, t, n, ,]) => {
		let r = l("span", {
			class: "raw-ink",
			"data-measure": `${e}-raw`
		}), i = l("b", {
			class: "processed-ink",
			"data-measure": e
		});
		return {
			raw: r,
			processed: i,
			element: l("div", { class: "measure" }, l("dt", {}, t, n ? l("small", {}, ` ${n}`) : null), l("dd", {}, i, " ", l("small", {}, "raw "), r))
		};
	}), t = l("b", { "data-measure": "kept-mass" }), n = l("b", { "data-measure": "leakage" }), r = l("b", { "data-measure": "margin" }), i = l("dl", { class: "measures" }, ...e.map((e) => e.element), l("div", { class: "measure" }, l("dt", {}, "mass kept ", l("small", {}, "of the tempered row")), l("dd", {}, t)), l("div", { class: "measure" }, l("dt", {}, "leakage ", l("small", {}, "outside the raw top 90 %")), l("dd", {}, n)), l("div", { class: "measure" }, l("dt", {}, "margin ", l("small", {}, "raw logits, 1st over 2nd")), l("dd", {}, r))), a = (e, t, n) => {
		m(e, n), e.dataset.value = String(t);
	};
	return {
		element: i,
		draw(i) {
			pi.forEach(([, , , t, n], r) => {
				a(e[r].raw, t(i), A(t(i))), a(e[r].processed, n(i), A(n(i)));
			});
			let o = i.stages.at(-1)?.keptMassTotal ?? 1;
			a(t, o, We(o)), a(n, Ae(i), We(Ae(i))), a(r, le(i.raw), A(le(i.raw)));
		}
	};
}
function hi(e, t) {
	let { raw: n, processed: r } = t;
	return {
		model: e.model,
		prompt: e.prompt,
		vocabulary: e.vocabulary,
		chain: Ce(t.stages.map((e) => e.stage)),
		raw: {
			entropy_nats: E(n).entropy,
			effective_support: je(n),
			margin: le(n)
		},
		processed: {
			entropy_nats: E(r).entropy,
			effective_support: je(r),
			kept: k(r)
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
			removed_by: ke(t, a)?.name ?? null
		}))
	};
}
function gi(e, t, n) {
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
		ke(n, i)?.name ?? null
	])];
}
// src/app.ts
function _i(t, n, { address: r }) {
	let i = l("div", {
		class: "sr",
		role: "status",
		"aria-live": "polite"
	}), a = {
		data: n,
		state: new v(r),
		announce: (e) => i.textContent = e
	}, o = yi(n), s = l("main", {
		role: "tabpanel",
		tabindex: "-1",
		class: "panel"
	}), c = null, u = o.map((e) => l("button", {
		type: "button",
		role: "tab",
		id: g("tab"),
		onclick: () => a.state.set("view", e.name)
	}, e.label)), d = l("div", {
		role: "tablist",
		"aria-label": "Views",
		class: "tabs",
		onkeydown: f
	}, ...u);
	function f(e) {
		let t = u.indexOf(document.activeElement), n = {
			ArrowRight: 1,
			ArrowLeft: -1
		}[e.key], r = e.key === "Home" ? 0 : e.key === "End" ? u.length - 1 : n === void 0 ? null : t + n;
		if (r === null) return;
		e.preventDefault();
		let i = (r + u.length) % u.length;
		u[i].focus(), a.state.set("view", o[i].name);
	}
	function m() {
		let e = Math.max(0, o.findIndex((e) => e.name === a.state.get("view")));
		u.forEach((t, n) => {
			t.setAttribute("aria-selected", String(n === e)), t.tabIndex = n === e ? 0 : -1;
		}), c?.close(), c = o[e]?.open(a) ?? null, s.setAttribute("aria-labelledby", u[e]?.id ?? ""), p(s, c?.element ?? l("p", {}, "This page holds nothing to show."));
	}
	let h = l("details", { class: "menu" }, l("summary", {}, "Download"), l("div", { class: "menu-list" }, ...[
		["json", "JSON"],
		["csv", "CSV"],
		["svg", "SVG"],
		["png", "PNG"]
	].map(([t, n]) => l("button", {
		type: "button",
		class: "quiet",
		onclick: () => {
			h.open = !1, c?.download && e(c.download, t).then(() => a.announce(`${n} saved`));
		}
	}, n)))), _ = l("button", {
		type: "button",
		class: "quiet",
		onclick: () => void vi(a)
	}, "Copy link");
	t.classList.add("retort"), p(t, l("header", { class: "head" }, l("p", { class: "brand" }, "retort"), d, l("div", { class: "tools" }, r ? _ : null, h, S(t))), s, i);
	let y = a.state.listen((e) => e === "view" && m());
	return m(), () => {
		y(), c?.close(), t.replaceChildren();
	};
}
async function vi(e) {
	try {
		await navigator.clipboard.writeText(e.state.link()), e.announce("Link copied");
	} catch {
		history.replaceState(null, "", e.state.link()), e.announce("The link is in the address bar");
	}
}
function yi(e) {
	let t = [], { position: n } = e;
	return n && t.push({
		name: "position",
		label: "Position",
		open: (e) => li(n, e)
	}), t;
}
// src/main.ts
function bi({ model: e, el: t }) {
	let n = document.createElement("div");
	t.append(n);
	let r = _i(n, e.get("data"), { address: !1 }), i = () => {
		r(), r = _i(n, e.get("data"), { address: !1 });
	};
	return e.on("change:data", i), () => {
		e.off("change:data", i), r();
	};
}
var xi = { render: bi }, Si = document.getElementById("retort-data"), Ci = document.getElementById("retort-page");
Si !== null && Ci !== null && _i(Ci, JSON.parse(Si.textContent ?? "{}"), { address: !0 });
export { xi as default };
