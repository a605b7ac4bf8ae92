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
var ee = 0;
function C(e) {
	return ee += 1, `retort-${e}-${ee}`;
}
// src/parts/state.ts
var te = .3, w = ["view", "step"], ne = { retort: !0 }, re = class {
	values;
	listeners = /* @__PURE__ */ new Set();
	timer;
	inAddress;
	entered = -Infinity;
	constructor(e, t = "") {
		this.inAddress = e, this.values = e && location.hash.length > 1 ? ie() : new Map(new URLSearchParams(t)), e && (history.replaceState(ne, ""), window.addEventListener("popstate", ({ state: e }) => this.adopt(ie(), e?.retort === !0)));
	}
	get(e) {
		return this.values.get(e);
	}
	set(e, t) {
		if (this.values.get(e) === (t || void 0)) return;
		let n = performance.now(), r = w.includes(e) && n - this.entered > 1e3 * te;
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
		this.inAddress && this.timer === void 0 && (this.timer = setTimeout(() => this.flush(), 1e3 * te));
	}
	flush() {
		this.timer !== void 0 && (clearTimeout(this.timer), this.timer = void 0, this.put("replaceState"));
	}
	put(e) {
		if (this.inAddress) try {
			history[e](ne, "", `#${this.text()}`);
		} catch {}
	}
	adopt(e, t) {
		clearTimeout(this.timer), this.timer = void 0;
		let n = (t ? w : [.../* @__PURE__ */ new Set([...this.values.keys(), ...e.keys()])]).filter((t) => this.values.get(t) !== e.get(t));
		for (let t of n) e.has(t) ? this.values.set(t, e.get(t)) : this.values.delete(t);
		this.put("replaceState");
		for (let e of n) for (let t of this.listeners) t(e);
	}
};
function ie() {
	return new Map(new URLSearchParams(location.hash.slice(1)));
}
// src/parts/theme.ts
var ae = {
	auto: "light",
	light: "dark",
	dark: "auto"
}, oe = "retort-theme";
function se(e) {
	let t = ce(), n = _("button", {
		type: "button",
		class: "quiet",
		onclick: () => r(ae[t])
	}), r = (r) => {
		t = r, e.dataset.theme = t, x(n, {
			auto: "◐",
			light: "○",
			dark: "●"
		}[t], _("span", { class: "theme-name" }, ` ${t}`)), n.setAttribute("aria-label", `Colours: ${t}. Change to ${ae[t]}.`);
		try {
			localStorage.setItem(oe, t);
		} catch {}
	};
	return r(t), n;
}
function ce() {
	try {
		let e = localStorage.getItem(oe);
		return e === "light" || e === "dark" ? e : "auto";
	} catch {
		return "auto";
	}
}
// src/math/window.ts
var le = 2 ** -40, ue = -745.2, de = 256, fe = 12, pe = .33, me = 14, he = 3, ge = /* @__PURE__ */ new WeakMap(), _e = /* @__PURE__ */ new WeakMap(), ve = /* @__PURE__ */ new WeakMap();
function ye(e) {
	let t = ve.get(e);
	return t === void 0 && (t = Uint32Array.from({ length: Math.ceil(e.length / de) + 1 }, (t, n) => Math.min(n * de, e.length)), ve.set(e, t)), t;
}
function be(e, t) {
	return Re(0, e.length, (n) => e[n] >= t);
}
function xe(e) {
	let t = _e.get(e);
	if (t !== void 0) return t;
	let n = ye(e), r = n.length - 1, i = {
		middles: new Float64Array(r),
		reaches: new Float64Array(r),
		sums: new Float64Array(r * me)
	};
	for (let t = 0; t < r; t++) {
		let [r, a] = [n[t], n[t + 1]], o = (e[r] + e[a - 1]) / 2;
		i.middles[t] = o, i.reaches[t] = e[r] - o;
		for (let n = r; n < a; n++) {
			let r = 1;
			for (let a = 0; a < me; a++, r *= e[n] - o) i.sums[t * me + a] += r;
		}
	}
	return _e.set(e, i), i;
}
function Se(e, { logits: t, from: n, to: r }, i, a) {
	let o = ye(t), s = o.length - 1, { middles: c, reaches: l, sums: u } = xe(t), d = new Uint32Array(s + 1).fill(e.length), f = l.slice(), [p, m] = [0, 0];
	for (let e = 0; e < s; e++) {
		let [t, s] = [Math.max(o[e], n), Math.min(o[e + 1], r)];
		if (t >= s) {
			t <= n && (d[e] = 0);
			continue;
		}
		d[e] = t - n - p + m;
		let c = p + m;
		for (; p < i.length && i[p] < s;) p += 1;
		for (; m < a.length && (a[m] < s || s === r);) m += 1;
		(p + m > c || s - t < o[e + 1] - o[e]) && (f[e] = Infinity);
	}
	ve.set(e, d), _e.set(e, {
		middles: c,
		reaches: f,
		sums: u
	});
}
function Ce(e, t) {
	let n = ge.get(e);
	n === void 0 && ge.set(e, n = []);
	let r = n.find((e) => e.temperature === t);
	if (r !== void 0) return r;
	let i = _e.get(e) ?? (n.length > 0 ? xe(e) : null), a = ye(e), o = a.length - 1, s = {
		temperature: t,
		weights: new Float64Array(o),
		moments: new Float64Array(o)
	}, c = 1 / t;
	for (let n = 0; n < o; n++) {
		let [r, o] = [a[n], a[n + 1]];
		if (r === o) continue;
		if ((e[r] - e[0]) * c < ue) break;
		let [l, u] = i !== null && i.reaches[n] * c < pe ? we(i, n, c, e[0]) : Te(e, t, 0, r, o);
		s.weights[n] = l, s.moments[n] = u;
	}
	return n.length === he && n.splice(n.findIndex((e) => e.temperature !== 1), 1), n.push(s), s;
}
function we({ middles: e, sums: t }, n, r, i) {
	let [a, o, s] = [
		0,
		0,
		1
	];
	for (let e = 0; e <= fe; e++) a += s * t[n * me + e], o += s * t[n * me + e + 1], s *= r / (e + 1);
	let c = (e[n] - i) * r, l = Math.exp(c);
	return [l * a, l * (c * a + r * o)];
}
function Te(e, t, n, r, i) {
	let [a, o] = [0, 0], s = e[n];
	for (let n = r; n < i; n++) {
		let r = (e[n] - s) / t;
		if (r < ue) break;
		let i = Math.exp(r);
		a += i, o += i * r;
	}
	return [a, o];
}
function Ee({ logits: e, temperature: t, from: n }, r, i) {
	let a = (e[n] - e[0]) / t, o = ye(e), [s, c] = [be(o, r), be(o, i + 1) - 1];
	if (s >= c || a < -600) return Te(e, t, n, r, i);
	let { weights: l, moments: u } = Ce(e, t), [d, f] = Te(e, t, n, r, o[s]), p = Math.exp(-a);
	for (let e = s; e < c; e++) d += p * l[e], f += p * (u[e] - a * l[e]);
	let [m, h] = Te(e, t, n, o[c], i);
	return [d + m, f + h];
}
function De(e) {
	return {
		logits: e,
		temperature: 1,
		from: 0,
		to: e.length
	};
}
function Oe(e, t) {
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
function T(e, t) {
	return (e.logits[t] - e.logits[e.from]) / e.temperature;
}
var ke = /* @__PURE__ */ new WeakMap();
function E(e) {
	let t = ke.get(e);
	if (t !== void 0) return t;
	let [n, r] = Ee(e, e.from, e.to), i = {
		total: n,
		entropy: Math.max(0, Math.log(n) - r / n)
	};
	return ke.set(e, i), i;
}
function Ae(e, t, n) {
	let r = Math.max(t, e.from), i = Math.min(n, e.to);
	return r >= i ? 0 : r === e.from && i === e.to ? 1 : Pe(e, r, i) / E(e).total;
}
function je(e) {
	return e.to - e.from < 2 ? Infinity : e.logits[e.from] - e.logits[e.from + 1];
}
function Me(e, t) {
	let { from: n, to: r } = e;
	if (t >= 1) return r - n;
	let i = t * E(e).total * (1 - le), a = 0, o = n, s = ye(e.logits);
	for (let t = be(s, n + 1); o < r; t++) {
		let n = Math.min(r, s[t]), c = Pe(e, o, n);
		if (a + c >= i) break;
		a += c, o = n;
	}
	for (; o < r; o++) if (a += Math.exp(T(e, o)), a >= i) return o - n + 1;
	return r - n;
}
function Ne(e, t) {
	let n = (n) => E({
		...e,
		to: e.from + n
	}).entropy <= t;
	return Re(1, e.to - e.from + 1, (e) => !n(e)) - 1;
}
function Pe(e, t, n) {
	return Ee(e, t, n)[0];
}
var Fe = 1e4;
function Ie({ logits: e, temperature: t, from: n, to: r }) {
	let [i, a] = Le(e, n, r), o = i / (r - n), s = a / (r - n) - o * o;
	if (s > o * o / Fe) return Math.sqrt(s) / t;
	let c = 0;
	for (let t = n; t < r; t++) c += (e[t] - e[0] - o) ** 2;
	return Math.sqrt(c / (r - n)) / t;
}
function Le(e, t, n) {
	let r = ye(e), i = _e.get(e), [a, o] = [0, 0];
	for (let s = be(r, t + 1) - 1; r[s] < n; s++) {
		let [c, l] = [Math.max(r[s], t), Math.min(r[s + 1], n)];
		if (i !== void 0 && i.reaches[s] < Infinity && l - c === r[s + 1] - r[s]) {
			let [t, n, r] = [
				i.middles[s] - e[0],
				i.sums[s * me + 1],
				i.sums[s * me + 2]
			];
			a += n + (l - c) * t, o += r + 2 * t * n + (l - c) * t * t;
		} else for (let t = c; t < l; t++) {
			let n = e[t] - e[0];
			a += n, o += n * n;
		}
	}
	return [a, o];
}
function Re(e, t, n) {
	for (; e < t;) {
		let r = e + t >> 1;
		n(r) ? t = r : e = r + 1;
	}
	return e;
}
function ze(e, t) {
	return Re(e.from, e.to, (n) => T(e, n) < t);
}
// src/math/order.ts
var Be = .001, Ve = 4294967295;
function He(e, t, n) {
	let r = new Uint32Array(t).fill(Ve);
	for (let t = 0; t < e.length; t++) r[e[t]] = t;
	return {
		ranks: e,
		places: r,
		moved: n
	};
}
function D(e, t) {
	return e.order === void 0 ? t : e.order.ranks[t];
}
function Ue(e, t) {
	return e.order === void 0 ? t : e.order.places[t] ?? 4294967295;
}
function We(e, t) {
	let n = Ue(e, t);
	return n >= e.from && n < e.to;
}
function Ge(e, t) {
	return We(e, t) ? T(e, Ue(e, t)) - Math.log(E(e).total) : -Infinity;
}
function Ke(e, t) {
	return Math.exp(Ge(e, t));
}
function qe(e, t) {
	if (e.order === void 0) return Ae(e, t, e.to);
	let { begin: n, above: r, below: i } = Ye(e, e.order, t), a = (t) => t.reduce((t, n) => t + Math.exp(T(e, Ue(e, n))), 0), o = Pe(e, n, e.to), s = o + a(r) - a(i);
	return s >= Be * o ? s / E(e).total : Ze(e, e, (e) => e >= t);
}
function Je(e, t) {
	if (e.order === void 0) return Math.max(0, e.to - Math.max(t, e.from));
	let { begin: n, above: r, below: i } = Ye(e, e.order, t);
	return e.to - n + r.length - i.length;
}
function Ye(e, { places: t, moved: n }, r) {
	let i = r;
	for (; i < t.length && (t[i] === 4294967295 || n.has(i));) i += 1;
	let a = i < t.length ? Math.min(Math.max(t[i], e.from), e.to) : e.to, o = [...n].filter((t) => We(e, t));
	return {
		begin: a,
		above: o.filter((e) => e >= r && t[e] < a),
		below: o.filter((e) => e < r && t[e] >= a)
	};
}
function Xe(e, t) {
	return e.logits === t.logits ? Ae(e, t.from, t.to) : t.to - t.from === e.to - e.from ? 1 : Ze(e, t, () => !0);
}
function Ze(e, t, n) {
	let r = 0;
	for (let i = t.from; i < t.to; i++) {
		let a = D(t, i);
		n(a) && We(e, a) && (r += Math.exp(T(e, Ue(e, a))));
	}
	return r / E(e).total;
}
// src/math/history.ts
var Qe = 34028234663852886e22;
function $e({ ids: e, promptLength: t }, n) {
	return n === "output" ? t : n.startsWith("last:") ? Math.max(0, e.length - Number(n.slice(5))) : 0;
}
function et(e, t) {
	let n = /* @__PURE__ */ new Map();
	for (let r of e.ranks.slice($e(e, t))) r >= 0 && n.set(r, (n.get(r) ?? 0) + 1);
	return n;
}
function tt(e, t, n, r) {
	return dt(e, et(r, n).keys(), (e) => e < 0 ? e * t : e / t);
}
function nt(e, t, n, r) {
	let i = et(r, n);
	return dt(e, i.keys(), (n, r) => n - t * i.get(r) * e.temperature);
}
function rt(e, t, n, r) {
	return dt(e, et(r, n).keys(), (n) => n - t * e.temperature);
}
function it(e, t, n, r, i, a) {
	let o = i < 0 ? 0 : Math.max(0, a.ids.length - i), s = at(a.ids.slice(o), a.ranks.slice(o)), c = /* @__PURE__ */ new Map();
	for (let [e, i] of s) {
		if (i < r) continue;
		let a = (i - r) * Math.log(n) + Math.log(t);
		c.set(e, a >= Math.log(Qe) ? Qe : t * n ** (i - r));
	}
	return dt(e, c.keys(), (t, n) => t - c.get(n) * e.temperature);
}
function at(e, t) {
	let n = [...e].reverse(), r = /* @__PURE__ */ new Map();
	return ot(n).forEach((e, n) => {
		if (n === 0 || e === 0) return;
		let i = t[t.length - n];
		i >= 0 && r.set(i, Math.max(r.get(i) ?? 0, e));
	}), r;
}
function ot(e) {
	let t = e.map(() => 0), [n, r] = [0, 0];
	for (let i = 1; i < e.length; i++) {
		let a = i < r ? Math.min(r - i, t[i - n]) : 0;
		for (; i + a < e.length && e[a] === e[i + a];) a += 1;
		t[i] = a, i + a > r && ([n, r] = [i, i + a]);
	}
	return t;
}
var st = /* @__PURE__ */ new Uint32Array();
function ct(e) {
	return st.length < e && (st = Uint32Array.from({ length: e }, (e, t) => t)), st;
}
var lt = 6, ut = /* @__PURE__ */ new WeakMap();
function dt(e, t, n) {
	let { logits: r, from: i, to: a, zero: o = 0 } = e, s = [...t].filter((t) => We(e, t)).map((t) => ({
		rank: t,
		logit: n(r[Ue(e, t)] - o, t) + o
	})).sort((e, t) => t.logit - e.logit || e.rank - t.rank).map((t) => ({
		...t,
		place: pt(e, t.logit, t.rank)
	}));
	if (s.length === 0) return e;
	let c = `${i} ${a} ${s.map(({ rank: e, logit: t }) => `${e} ${t}`).join()}`, l = ut.get(r);
	l === void 0 && ut.set(r, l = []);
	let u = l.find((t) => t.key === c && t.from === e.order);
	return u === void 0 && (l.push(u = {
		key: c,
		from: e.order,
		...ft(e, s)
	}), l.length > lt && l.shift()), {
		logits: u.logits,
		temperature: e.temperature,
		from: 0,
		to: a - i,
		zero: o,
		order: u.order
	};
}
function ft(e, t) {
	let { logits: n, from: r, to: i } = e, a = t.map(({ rank: t }) => Ue(e, t)).sort((e, t) => e - t), o = e.order?.places.length ?? n.length, s = new Float64Array(i - r), c = new Uint32Array(i - r), l = e.order === void 0 ? ct(o) : null, u = l && new Uint32Array(o);
	u && i - r < o && u.fill(Ve);
	let [d, f, p, m] = [
		0,
		0,
		r,
		0
	];
	for (; p < i || d < t.length;) {
		let r = t[d]?.place ?? i, o = a[f] ?? i, h = Math.min(r, o);
		s.set(n.subarray(p, h), m), c.set((e.order?.ranks ?? l).subarray(p, h), m), u?.set(l.subarray(m, m + h - p), p), m += h - p, p = h, d < t.length && r <= o ? (s[m] = t[d].logit, u && (u[t[d].rank] = m), c[m++] = t[d++].rank) : f < a.length && (f += 1, p += 1);
	}
	Se(s, e, a, t.map(({ place: e }) => e));
	let h = /* @__PURE__ */ new Set([...e.order?.moved ?? [], ...t.map(({ rank: e }) => e)]);
	return {
		logits: s,
		order: u ? {
			ranks: c,
			places: u,
			moved: h
		} : He(c, o, h)
	};
}
function pt(e, t, n) {
	let [r, i] = [e.from, e.to];
	for (; r < i;) {
		let a = r + i >> 1, o = e.logits[a];
		o > t || o === t && D(e, a) < n ? r = a + 1 : i = a;
	}
	return r;
}
// src/math/typical.ts
function mt(e, t, n = "lowest") {
	let r = Math.min(e.to, e.from + t);
	if (n === "lowest" || r === e.to || e.logits[r] !== e.logits[r - 1]) return {
		...e,
		to: r
	};
	let [i, a] = gt(e, r - 1);
	return n === "all" ? {
		...e,
		to: a
	} : {
		..._t(e, i, a, a - r),
		to: r
	};
}
function ht(e, t, n, r) {
	let { logits: i, from: a, to: o } = e, { total: s, entropy: c } = E(e), l = Math.log(s) - c, u = (t) => Math.abs(T(e, t) - l), d = Math.max(t * s * (1 - le), Number.MIN_VALUE), f = Math.min(r, o - a), p = ze(e, l), m = (e) => {
		let [t, n] = [Math.max(0, e - (o - p)), Math.min(e, p - a)];
		for (; t < n;) {
			let r = t + n >> 1;
			u(p - r - 1) <= u(p + e - r - 1) ? t = r + 1 : n = r;
		}
		return t;
	}, h = (t) => {
		let n = m(t);
		return Pe(e, p - n, p - n + t) >= d;
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
		let [t, n] = gt(e, v), r = Math.min(n, y);
		return {
			..._t(e, t, r, r - v),
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
function gt({ logits: e, from: t, to: n }, r) {
	let [i, a] = [r, r + 1];
	for (; i > t && e[i - 1] === e[r];) --i;
	for (; a < n && e[a] === e[r];) a += 1;
	return [i, a];
}
function _t(e, t, n, r) {
	let i = e.order?.ranks.slice() ?? new Uint32Array(e.logits.length);
	if (e.order === void 0) for (let e = 0; e < i.length; e++) i[e] = e;
	let a = i.slice(t, n), o = a.slice(0, r);
	return i.set([...a.slice(r), ...o], t), {
		...e,
		order: He(i, e.order?.places.length ?? i.length, /* @__PURE__ */ new Set([...e.order?.moved ?? [], ...o]))
	};
}
// src/math/transforms.ts
var vt = 1e-12, yt = {
	name: "min_keep",
	initial: 1,
	low: 1,
	whole: !0
}, bt = {
	name: "ties",
	initial: "lowest",
	words: ["lowest", "all"]
}, xt = {
	name: "ties",
	initial: "lowest",
	words: [
		"lowest",
		"highest",
		"all"
	]
}, St = (e) => ({
	name: "scope",
	initial: e,
	scope: !0
}), Ct = (e) => e.ties, wt = (e) => e.min_keep;
function Tt(e, t, n) {
	let r = ze(e, t + Math.log(E(e).total) - vt), i = mt(e, wt(n), Ct(n));
	return r > i.to ? {
		...e,
		to: r
	} : i;
}
var Et = [
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
		apply: Oe
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
		options: [bt],
		apply: (e, t, n) => mt(e, t, Ct(n))
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
		options: [xt, yt],
		apply: (e, t, n) => mt(e, Math.max(Me(e, t), wt(n)), Ct(n))
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
		options: [yt],
		apply: (e, t, n) => {
			let r = ze(e, Math.log(t) - vt);
			return {
				...e,
				to: Math.min(e.to, Math.max(r, e.from + wt(n)))
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
		options: [bt, yt],
		apply: (e, t, n) => ht(e, t, Ct(n), wt(n))
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
		options: [bt, yt],
		apply: (e, t, n) => Tt(e, Math.log(t), n)
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
		options: [bt, yt],
		apply: (e, t, n) => Tt(e, Math.min(Math.log(t), .5 * Math.log(t) - E(e).entropy), n)
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
			to: ze(e, -t * Ie(e) * (1 + le))
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
			let r = n.among ? mt(e, n.among) : e;
			if (n.entropy === "summed") return mt(e, Ot(r, t));
			let i = t * E(r).entropy * (1 + le);
			return mt(e, i > 0 ? Math.max(1, Ne(r, i)) : 1);
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
		apply: (e, t, n) => Oe(e, Dt(e, t, n))
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
		options: [St("all")],
		apply: (e, t, n, r) => tt(e, t, n.scope, r)
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
		options: [St("output")],
		apply: (e, t, n, r) => nt(e, t, n.scope, r)
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
		options: [St("output")],
		apply: (e, t, n, r) => rt(e, t, n.scope, r)
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
		apply: (e, t, n, r) => n.last_n === 0 ? e : it(e, t, n.base, n.allowed_length, n.last_n, r)
	}
];
function Dt(e, t, n) {
	let r = n.temperature;
	if (r === 0) return 0;
	let i = Math.min(E(e).entropy / Math.log(Math.max(e.to - e.from, 2)), 1), a = Math.max(r - t, 0);
	return a + (r + t - a) * i ** n.exponent;
}
function Ot(e, t) {
	let { total: n, entropy: r } = E(e), i = 0;
	for (let a = e.from; a < e.to; a++) {
		let o = T(e, a) - Math.log(n);
		if (i += -Math.exp(o) * o, i > t * r * (1 + le)) return Math.max(1, a - e.from);
	}
	return e.to - e.from;
}
var kt = /* @__PURE__ */ new Map([
	["xtc", "throws a coin for every token"],
	["mirostat", "remembers the tokens before"],
	["adaptive_p", "remembers the tokens before"],
	["logit_bias", "names tokens by id"],
	["bad_words", "names tokens by id"],
	["min_tokens", "names tokens by id"],
	["allowed", "names tokens by id"],
	["grammar", "is a program"]
]), O = new Map(Et.map((e) => [e.name, e]));
function At(e, t) {
	return Object.fromEntries((e.options ?? []).map((e) => [e.name, t?.[e.name] ?? e.initial]));
}
var jt = new Map(Et.flatMap((e) => [e.name, ...e.aliases].map((t) => [t, e])));
function Mt(e) {
	return jt.get(e.trim().toLowerCase().replaceAll("-", "_"));
}
// src/math/stage.ts
var k = class extends Error {};
function Nt(e) {
	return e.find((e) => O.get(e.name).tempers);
}
function Pt(e) {
	let t = Nt(e);
	return t === void 0 ? 1 : t.name === "temperature" ? t.value : Number(t.options?.temperature ?? 1);
}
function Ft(e) {
	return !O.get(e.name).off.includes(e.value) && e.options?.scope !== "last:0" && e.options?.last_n !== 0;
}
function A({ name: e, value: t, options: n }) {
	let r = O.get(e), i = (r.options ?? []).filter((e) => (n?.[e.name] ?? e.initial) !== e.initial || r.main !== void 0 && Vt(e)).map((e) => `${e.name}=${Ht(n?.[e.name] ?? e.initial)}`);
	return r.main === void 0 ? i.length === 0 ? `${e}=${Ht(t)}` : `${e}(${[Ht(t), ...i].join(", ")})` : `${e}(${[`${r.main}=${Ht(t)}`, ...i].join(", ")})`;
}
function It(e) {
	let t = /^\s*([\w-]+)\s*(?:=\s*([^()]+?)|\(\s*(.*?)\s*\))\s*$/s.exec(e);
	if (t === null) throw new k(`a stage is written name=value, got “${e.trim()}”; for example temperature=0.8 | top_p=0.9`);
	let [, n, r, i] = t, a = Mt(n);
	if (a === void 0) {
		let e = kt.get(n.trim().toLowerCase().replaceAll("-", "_"));
		throw new k(e === void 0 ? `the page does not compute “${n}”; it knows ${[...O.keys()].join(", ")}` : `the page does not compute “${n}”: it ${e}`);
	}
	if (r !== void 0) return {
		name: a.name,
		value: Rt(a, Number(r), r)
	};
	let o = a.main ?? a.name, s = [o, ...(a.options ?? []).map((e) => e.name)], c = /* @__PURE__ */ new Map();
	i.split(",").forEach((e, t) => {
		let [n, r] = e.includes("=") ? e.split("=").map((e) => e.trim()) : [s[t] ?? "", e.trim()];
		if (!s.includes(n)) throw new k(`${a.name} has no setting “${n || e.trim()}” here; it has ${s.join(", ")}`);
		c.set(n, r);
	});
	let l = c.get(o);
	if (l === void 0) throw new k(`${a.name} needs its ${o}`);
	let u = (a.options ?? []).flatMap((e) => {
		let t = c.get(e.name);
		return t === void 0 ? [] : [[e.name, zt(a, e, t)]];
	});
	return Lt({
		name: a.name,
		value: Rt(a, Number(l), l)
	}, Object.fromEntries(u));
}
function Lt(e, t) {
	let n = (O.get(e.name).options ?? []).filter((e) => (t[e.name] ?? e.initial) !== e.initial), r = {
		name: e.name,
		value: e.value
	};
	return n.length === 0 ? r : {
		...r,
		options: Object.fromEntries(n.map((e) => [e.name, t[e.name]]))
	};
}
function Rt(e, t, n = String(t)) {
	return e.off.includes(t) ? t : Bt(e.main === void 0 ? e.name : `${e.name}'s ${e.main}`, e.low, e.high, e.whole, t, n);
}
function zt(e, t, n) {
	let r = `${e.name}'s ${t.name}`;
	if (t.words !== void 0) {
		if (t.words.includes(n)) return n;
		throw new k(`${r} must be ${t.words.join(" or ")}, got ${n}`);
	}
	if (t.scope) {
		if (/^(all|output|last:\d+)$/.test(n)) return n;
		throw new k(`${r} must be all, output or last:N, got ${n}`);
	}
	return Bt(r, t.low ?? -Infinity, t.high ?? Infinity, t.whole ?? !1, Number(n), n);
}
function Bt(e, t, n, r, i, a) {
	if (i >= t && i <= n && Number.isFinite(i) && a.trim() !== "" && !(r && i % 1)) return i;
	let o = t === Number.MIN_VALUE ? "above 0" : `of ${t} or more`, s = Number.isFinite(n) ? `from ${t} to ${n}` : Number.isFinite(t) ? o : "that is finite";
	throw new k(`${e} must be a ${r ? "whole " : ""}number ${s}, got ${a}`);
}
function Vt(e) {
	return e.words === void 0 && !e.scope;
}
function Ht(e) {
	if (typeof e == "string") return e;
	let t = Math.abs(e);
	return t === 0 || t >= 1e-4 && t < 0x2386f26fc10000 ? String(e) : e.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
}
// src/math/conflicts.ts
function Ut(e) {
	let t = e.chain.filter(Zt);
	if (Pt(e.chain) === 0) return t.length === 0 ? [] : [`${A(Nt(e.chain))} takes the most likely token in any case, so ${$t(t)} cannot change the result.`];
	let n = e.stages.at(-1)?.kept ?? e.before;
	return [
		Wt,
		Gt,
		Kt,
		qt,
		Jt,
		Yt,
		Xt
	].flatMap((r) => {
		try {
			return r(e, t, n);
		} catch (e) {
			if (e instanceof k) return [];
			throw e;
		}
	});
}
var Wt = ({ stages: e }) => e.filter(({ stage: e, removed: t }) => Zt(e) && t === 0).map(({ stage: e, kept: t }) => `${A(e)} removes nothing here: ${t === 1 ? "one token reaches it" : `it keeps all ${tn(t)} tokens that reach it`}.`), Gt = (e, t, n) => {
	let { chain: r, survivors: i, same: a } = e, o = i(r);
	return e.stages.flatMap(({ stage: e, removed: s }) => {
		if (!Zt(e) || s === 0 || !a(i(r.filter((t) => t !== e)), o)) return [];
		let c = t.find((t) => t !== e && a(i(Qt(r, t)), o));
		return [`${A(e)} is made moot by ${c ? A(c) : "the other stages"}: without it the same ${en(n)} would be kept.`];
	});
}, Kt = ({ chain: e, survivors: t, size: n }, r, i) => {
	if (r.length < 2) return [];
	let a = r.map((r) => n(t(Qt(e, r))));
	if (i >= Math.min(...a)) return [];
	let o = r.map((e, t) => `${A(e)} keeps ${tn(a[t])}`).join(", ");
	return [`together the stages keep ${en(i)}, fewer than any of them alone (${o}): each one cuts what the one before it left.`];
}, qt = ({ chain: e, survivors: t, size: n }, r, i) => {
	let a = Nt(e), o = a === void 0 ? [] : e.slice(0, e.indexOf(a)).filter(Zt);
	if (a === void 0 || o.length === 0) return [];
	let s = e.filter((e) => e !== a), c = e.indexOf(o[0]), l = n(t([
		...s.slice(0, c),
		a,
		...s.slice(c)
	]));
	if (l === i) return [];
	let [u, d] = o.length === 1 ? ["comes", "it does"] : ["come", "they do"];
	return [`${$t(o)} ${u} before ${A(a)}, so ${d} not see that temperature; ${en(i)} ${i === 1 ? "remains" : "remain"}; with temperature first, as is retort's default, it would be ${tn(l)}.`];
}, Jt = ({ before: e }, t, n) => t.length === 0 || n !== 1 || e === 1 ? [] : ["one token is left, so every draw here is the greedy token, whatever temperature and seed."], Yt = ({ chain: e, nucleus: t }, n, r) => {
	let i = Pt(e);
	return i <= 1 || n.length === 0 || r >= t ? [] : [`temperature=${Number(i.toPrecision(6))} asks for more variety, but the truncations then keep ${en(r)}, fewer than the ${tn(t)} that hold 90% of the probability at temperature 1.`];
}, Xt = (e, t) => t.length < 3 ? [] : [`${t.length} truncations are stacked; one is usually enough, and easier to reason about: set the temperature first, then top_p=0.9, say.`];
function Zt(e) {
	return O.get(e.name).truncates;
}
function Qt(e, t) {
	return e.filter((e) => e === t || !Zt(e));
}
function $t(e) {
	let t = e.map(A);
	return t.length < 2 ? t.join("") : `${t.slice(0, -1).join(", ")} and ${t.at(-1)}`;
}
function en(e) {
	return `${tn(e)} token${e === 1 ? "" : "s"}`;
}
function tn(e) {
	return e.toLocaleString("en");
}
// src/math/interval.ts
function j(e) {
	return {
		low: e,
		high: e
	};
}
function M(e) {
	return typeof e == "number" ? j(e) : {
		low: e.low ?? -Infinity,
		high: e.high ?? Infinity
	};
}
// src/math/chain.ts
function N(e) {
	return "processed" in e;
}
function nn(e) {
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
		keptMass: t.at(-1)?.keptMassTotal ?? j(1),
		warnings: Ut(e)
	};
}
function rn(e) {
	return e.trim() === "" ? [] : sn(e.split("|").map(It));
}
function an(e) {
	return e.length === 0 ? null : `The page does not compute ${e.map((e) => {
		let t = kt.get(/^[\w-]+/.exec(e)?.[0].toLowerCase().replaceAll("-", "_") ?? "");
		return t === void 0 ? e : `${e} (it ${t})`;
	}).join(", ")}: its numbers are without ${e.length === 1 ? "it" : "them"}.`;
}
function on(e) {
	let t = [];
	return {
		chain: sn(e.split("|").filter((e) => e.trim()).flatMap((e) => {
			try {
				return [It(e)];
			} catch {
				return t.push(e.trim()), [];
			}
		})),
		others: t
	};
}
function sn(e) {
	let t = e.filter(Ft);
	if (t.filter((e) => O.get(e.name).tempers).length > 1) throw new k("a chain may hold temperature or dynatemp once; two temperatures in a row are one, their product");
	return t;
}
function cn(e) {
	return e.map(A).join(" | ");
}
function ln(e, t) {
	let n = Nt(e);
	if (n === void 0) return [{
		name: "temperature",
		value: t
	}, ...e];
	let r = n.name === "temperature" ? {
		name: "temperature",
		value: t
	} : Lt(n, {
		...n.options,
		temperature: t
	});
	return e.map((e) => e === n ? r : e);
}
var un = {
	ids: [],
	ranks: [],
	promptLength: 0
};
function dn(e, t, n = un) {
	let r = O.get(t.name);
	return Ft(t) ? r.apply(e, t.value, At(r, t.options), n) : e;
}
function fn(e, t, n = un) {
	let r = De(t), i = Pt(e), a = r, o = r, s = [];
	for (let t of e) {
		let e = dn(a, t, n), r = O.get(t.name);
		!r.truncates && !(r.tempers && i === 0) && (o = dn(o, t, n));
		let c = P(a) - P(e);
		s.push({
			stage: t,
			before: a,
			after: e,
			kept: P(e),
			removed: c,
			keptMass: j(c === 0 ? 1 : Xe(a, e)),
			keptMassTotal: j(Math.min(1, Xe(o, e)))
		}), a = e;
	}
	let c = a, l = nn({
		chain: e,
		stages: s,
		before: P(r),
		kept: P(c),
		nucleus: Me(r, .9),
		survivors: (e) => e.reduce((e, t) => dn(e, t, n), r),
		size: P,
		same: hn,
		entropy: j(E(c).entropy),
		unseen: j(0),
		largestUnseen: 0,
		prob: (e) => j(Ke(c, e)),
		beyond: (e) => ({
			share: j(qe(c, e)),
			kept: Je(c, e)
		}),
		removedBy: (e) => We(c, e) ? null : s.find(({ after: t }) => !We(t, e))?.stage ?? null
	}), u = i === 0 ? dn(r, {
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
function P(e) {
	return e.to - e.from;
}
function pn(e) {
	let t = Me(e.raw, .9);
	return qe(e.processed, t);
}
function mn(e) {
	return Math.exp(E(e).entropy);
}
function hn(e, t) {
	return P(e) === P(t) ? e.logits === t.logits && e.order === t.order ? e.from === t.from : gn(e, t) : !1;
}
function gn(e, t) {
	for (let n = e.from; n < e.to; n++) if (!We(t, D(e, n))) return !1;
	return !0;
}
// src/math/comparison.ts
function _n(e, t) {
	let n = new Uint32Array(t).fill(e.length);
	return e.forEach((e, t) => n[e] = t), n;
}
function vn(e, t, n) {
	let r = _n(t.ids, n), i = Math.log(E(e.window).total), a = Math.log(E(t.window).total), o = 0, s = 0, c = 0, l = 0;
	for (let n = e.window.from; n < e.window.to; n++) {
		let u = T(e.window, n) - i, d = Math.exp(u), f = Ue(t.window, r[e.ids[D(e.window, n)]]);
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
	for (let t = e.window.from; t < e.window.to; t++) u[e.ids[D(e.window, t)]] = 1;
	for (let e = t.window.from; e < t.window.to; e++) {
		if (u[t.ids[D(t.window, e)]]) continue;
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
var yn = .001, bn = 1e3;
function xn(e, t, n, r) {
	let i = _n(n, r), a = Math.log(E(e.window).total), o = t[0], s = 0;
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
	}, [l, u] = [Math.log(yn), Math.log(bn)];
	if (c(yn) <= s) return d(yn, !0);
	if (c(bn) >= s) return d(bn, !0);
	for (let e = 0; e < 60; e++) {
		let e = (l + u) / 2;
		c(Math.exp(e)) > s ? l = e : u = e;
	}
	return d(Math.exp((l + u) / 2), !1);
	function d(i, a) {
		return {
			temperature: i,
			residual: vn(e, {
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
var Sn = { ties: "all" }, Cn = /* @__PURE__ */ new Map([
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
		["top_k", Sn],
		["top_p", { ties: "highest" }],
		["min_p"],
		["typical_p", Sn],
		["epsilon_cutoff", Sn],
		["eta_cutoff", Sn]
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
		["top_k", Sn],
		["top_p", Sn],
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
		["top_p", Sn],
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
function wn(e, t) {
	let n = Cn.get(e) ?? [], r = (e) => {
		let t = n.findIndex(([t]) => t === e);
		return t < 0 ? n.length : t;
	};
	return [...t].sort((e, t) => r(e.name) - r(t.name)).map((e) => {
		let t = n[r(e.name)];
		if (t === void 0) return e;
		let { ties: i, scope: a, ...o } = e.options ?? {};
		return Lt(e, {
			...t[1],
			...o
		});
	});
}
// src/math/unpack.ts
var Tn = 64, En = 24, Dn = 5;
function On(e) {
	let t = Mn(e.data);
	if (e.encoding === "float64") {
		let n = new DataView(t.buffer);
		return Float64Array.from({ length: e.count }, (e, t) => n.getFloat64(8 * t, !0));
	}
	if (e.encoding !== "rice32") throw Error(`logits are packed as ${e.encoding}, which this page cannot read`);
	return An(t, e.count);
}
function kn(e) {
	let t = new jn(Mn(e.data)), n = new Uint32Array(e.count);
	for (let r = 0; r < e.count; r++) n[r] = t.read(e.width);
	return n;
}
function An(e, t) {
	let n = new jn(e), r = new Float64Array(t), i = /* @__PURE__ */ new Uint32Array(1), a = new Float32Array(i.buffer), o = 4294967295, s = 0;
	for (let e = 0; e < t; e++) {
		e % Tn === 0 && (s = n.read(Dn));
		let t = n.zeros();
		o -= t === En ? n.read(32) : t * 2 ** s + n.read(s), i[0] = o >= 2147483648 ? o - 2147483648 : 4294967295 - o, r[e] = a[0];
	}
	return r;
}
var jn = class {
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
function Mn(e) {
	let t = atob(e), n = new Uint8Array(t.length);
	for (let e = 0; e < t.length; e++) n[e] = t.charCodeAt(e);
	return n;
}
var Nn = 1e7, Pn = 1e-4;
function F(e, t = 4) {
	if (Hn(e)) return "–";
	if (!Number.isFinite(e)) return e > 0 ? "inf" : "−inf";
	if (e === 0) return "0";
	let n = Kn(e, t), r = Math.abs(n);
	return r < Pn || r >= Nn ? Un(n.toExponential()) : r >= 10 ** t ? I(e, 0) : Un(Wn(String(n)));
}
function I(e, t = 3) {
	return Hn(e) ? "–" : Number.isFinite(e) ? Un(Wn(Gn(e, t))) : e > 0 ? "inf" : "−inf";
}
function Fn(e, t = 3) {
	let n = I(e, t);
	return !Hn(e) && e > 0 && /[1-9i]/.test(n) ? `+${n}` : n;
}
function In(e, t = 0) {
	return Hn(e) ? "–" : `${Un(Gn(100 * e, t))}%`;
}
function L(e) {
	return Hn(e) ? "–" : e === 0 ? "0" : e >= Pn ? In(e, 2) : Un(e.toExponential(1));
}
function R(e) {
	return I(e, 0);
}
function Ln(e, t, n = `${t}s`) {
	return `${R(e)} ${e === 1 ? t : n}`;
}
function Rn(e) {
	return Ln(e, "token");
}
function zn(e) {
	return `${F(e)} nats`;
}
function z(e) {
	return String(Number(e.toFixed(4)));
}
function Bn(e, t = I) {
	return e ? `${t(e[0])} to ${t(e[1])}` : "–";
}
function Vn(e, t = 3) {
	let n = e && e[0] < 0 ? Fn : I;
	return Bn(e, (e) => Math.abs(e) > 0 && Math.abs(e) < .5 * 10 ** -t ? e > 0 ? "above 0" : "below 0" : n(e, t));
}
function B({ low: e, high: t }, n = F) {
	let [r, i] = [n(e), n(t)];
	if (r === i) return r;
	if (e === -Infinity) return `≤ ${i}`;
	if (t === Infinity) return `≥ ${r}`;
	let a = r.endsWith(" nats") && i.endsWith(" nats") ? " nats" : "";
	return `${r.slice(0, r.length - a.length)} … ${i}`;
}
function Hn(e) {
	return e == null || Number.isNaN(e);
}
function Un(e) {
	let [t, n] = e.split("e");
	return n === void 0 ? /[1-9]/.test(t) ? t.replace("-", "−") : t.replace("-", "") : `${t.replace("-", "−")}e${Number(n)}`;
}
function Wn(e) {
	let [t, n] = e.split("."), r = BigInt(t.replace("-", "")).toLocaleString("en");
	return `${e.startsWith("-") ? "-" : ""}${r}${n === void 0 ? "" : `.${n}`}`;
}
function Gn(e, t) {
	let n = Math.abs(e) * 10 ** t;
	if (n % 1 != .5) return e.toFixed(t);
	let r = Math.abs(e).toFixed(Math.min(t + 40, 100)), i = r.slice(r.indexOf(".") + 1 + t);
	if (!/^50*$/.test(i)) return e.toFixed(t);
	let a = 2 * Math.round(n / 2);
	return `${e < 0 ? "-" : ""}${(a / 10 ** t).toFixed(t)}`;
}
function Kn(e, t) {
	let n = Number(e.toExponential(t - 1).split("e")[1]), r = t - 1 - n;
	return Number(r >= 0 && r <= 100 ? Gn(e, r) : e.toPrecision(t));
}
var qn = {
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
}, Jn = 8;
function V(e) {
	let t = qn[e], n = C("help"), r = _("button", {
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
		a.style.left = `${Math.max(Jn, Math.min(e.left, innerWidth - t.width - Jn))}px`, a.style.top = `${n ? e.bottom + 6 : Math.max(Jn, e.top - t.height - 6)}px`;
	}
	return _("span", { class: "help-box" }, r, a);
}
function Yn(e, t = "measures") {
	return _("dl", { class: t }, ...e.map(Xn));
}
function Xn({ name: e, unit: t, term: n, value: r }) {
	let i = (t || e).split(" "), a = _("span", { class: "help-box" }, t ? _("small", {}, i.at(-1)) : i.at(-1), " ", V(n)), o = i.slice(0, -1).map((e) => `${e} `).join("");
	return _("div", { class: "measure" }, _("dt", {}, t ? `${e} ` : o, t && o ? _("small", {}, o) : null, a), _("dd", {}, r));
}
// src/parts/tokens.ts
var Zn = {
	" ": ["␣", "space"],
	"\n": ["↵", "line break"],
	"	": ["⇥", "tab"],
	"\r": ["␍", "carriage return"],
	"\xA0": ["⍽", "no-break space"],
	"　": ["□", "wide space"]
}, Qn = /<0x([0-9A-F]{2})>/, $n = /^<(?:\||\/)?[A-Za-z][\w .|/-]*(?:\|)?>$/, er = /[\p{Cc}\p{Zl}\p{Zp}\p{Zs}\p{Co}\p{Cn}\p{Cs}]|[\u00ad\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\u{e0000}-\u{e0fff}]/u, tr = /[\u200d\ufe0f]/, nr = /\p{Extended_Pictographic}/u;
function rr(e) {
	return e === "" ? [{
		text: "(empty)",
		kind: "sign",
		spoken: "empty"
	}] : $n.test(e) && !Qn.test(e) ? [{
		text: e,
		kind: "marker",
		spoken: `marker ${e}`
	}] : e.split(/(<0x[0-9A-F]{2}>)/).flatMap((e) => {
		let t = Qn.exec(e);
		return t ? [{
			text: `⟨${t[1]}⟩`,
			kind: "byte",
			spoken: `byte ${t[1]}`
		}] : ir(e);
	});
}
function ir(e) {
	let t = [], n = [...e];
	return n.forEach((e, r) => {
		let i = Zn[e];
		if (i) t.push({
			text: i[0],
			kind: "sign",
			spoken: i[1]
		});
		else if (er.test(e) || tr.test(e) && !ar(n, r)) {
			let n = e.codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
			t.push({
				text: `⟨U+${n}⟩`,
				kind: "byte",
				spoken: `character U+${n}`
			});
		} else {
			let n = t.at(-1), r = /\p{M}/u.test(e) && !tr.test(e) && n?.kind !== "plain" ? `◌${e}` : e;
			n?.kind === "plain" ? (n.text += r, n.spoken += e) : t.push({
				text: r,
				kind: "plain",
				spoken: e
			});
		}
	}), t;
}
function ar(e, t) {
	return t > 0 && (nr.test(e[t - 1]) || tr.test(e[t - 1]) || /\p{Emoji_Modifier}/u.test(e[t - 1]));
}
function H(e) {
	return _("bdi", { class: "token" }, ...rr(e).map((e) => e.kind === "plain" ? e.text : _("span", { class: `piece-${e.kind}` }, e.text)));
}
function or(e) {
	return rr(e).map((e) => e.text).join("");
}
function sr(e) {
	return rr(e).map((e) => e.spoken).join(" ");
}
// src/parts/bars.ts
function cr(e, t, n) {
	let { record: r, raw: i } = e, a = N(i), o = Math.min(t, r.tokens.length), s = Array.from({ length: o }, (t, r) => ur(e, r, n)), c = e.tokens - o, l = fr(_("th", {
		scope: "row",
		class: "token-cell"
	}, r.vocabulary === null ? `up to ${R(c)} more tokens` : `${R(c)} more tokens`), _("td", { class: "figure wide-only" })), u = _("table", { class: `bars${a ? "" : " range-bars"}` }, _("caption", { class: "sr" }, `The most likely tokens, with their raw and processed probability${a ? "" : ", from the lowest to the highest that each can have"}`), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
		scope: "col",
		class: "figure wide-only"
	}, a ? "logit " : "logprob ", V(a ? "logits" : "logprob")), _("th", {
		scope: "col",
		class: "figure raw-ink"
	}, "raw ", V("raw")), _("th", {
		scope: "col",
		class: "figure processed-ink"
	}, "processed ", V("processed")), _("th", {
		scope: "col",
		class: "bar-head"
	}, _("span", { class: "sr" }, "bars"), _("span", { class: "wide-only" }, "what removed it")))), _("tbody", {}, ...s.map((e) => e.element)), c > 0 ? _("tbody", { class: "tail" }, l.element) : null), d = s.map((e, t) => i.prob(t)), f = i.beyond(o).share;
	function p(e) {
		let t = s.map((t, n) => e?.prob(n) ?? null), n = e?.beyond(o) ?? null, r = Math.max(...d.map(({ high: e }) => e), ...t.map((e) => e?.high ?? 0), f.high, n?.share.high ?? 0, 1e-12), i = e === null ? /* @__PURE__ */ new Set() : lr(e);
		s.forEach((n, a) => {
			let o = e?.removedBy(a) ?? null;
			hr(n, d[a], t[a], r, o === null ? "" : A(o)), n.element.classList.toggle("last-kept", i.has(a));
		}), hr(l, f, n?.share ?? null, r, ""), S(l.fate, n === null ? "not decided" : `${R(n.kept)} kept, ${R(c - n.kept)} removed`), l.element.classList.toggle("removed", n?.kept === 0);
	}
	return {
		element: u,
		draw: p
	};
}
function lr({ stages: e }) {
	let t = e.filter(({ removed: e, before: t, after: n }) => e > 0 && t && n && n.order === void 0 && n.to < t.to);
	return new Set(t.map(({ after: e }) => e.to - 1));
}
function ur({ record: e, logits: t, raw: n }, r, i) {
	let a = e.tokens[r], o = e.ids[r], s = H(a), c = _("th", {
		scope: "row",
		class: "token-cell",
		title: `${sr(a)}${o == null ? "" : `; id ${o}`}, rank ${r + 1}`
	});
	return i && (N(n) || dr(a)) ? x(c, _("button", {
		type: "button",
		class: "pick",
		"aria-label": `Continue with ${sr(a)}`,
		onclick: () => i(r)
	}, s)) : x(c, s), fr(c, _("td", { class: "figure wide-only" }, F(t[r])));
}
function dr(e) {
	return e !== "" && !/[\ufffd]|<0x[0-9A-F]{2}>/.test(e);
}
function fr(e, t) {
	let n = _("td", { class: "figure raw-ink" }), r = _("td", { class: "figure processed-ink" }), [i, a] = [pr("raw"), pr("processed")], o = _("span", { class: "wide-only" }), s = _("span");
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
function pr(e) {
	let t = _("span", { class: `bar bar-${e}` }), n = _("span", { class: `bar bar-${e} possible` });
	return {
		element: _("span", {}, n, t),
		certain: t,
		possible: n
	};
}
function mr(e, { low: t, high: n }, r) {
	e.certain.style.transform = `scaleX(${t / r})`, e.possible.style.transform = `scaleX(${n / r})`;
}
function hr(e, t, n, r, i) {
	gr(e.raw, t, L), gr(e.processed, n, L, i === "" ? void 0 : "–"), mr(e.rawBar, t, r), mr(e.processedBar, n ?? {
		low: 0,
		high: 0
	}, r), e.processed.title = n === null ? "not decided by the known tokens" : "", e.element.classList.toggle("removed", i !== ""), S(e.by, i ? "removed by " : ""), S(e.fate, i);
}
function gr(e, t, n, r) {
	S(e, r ?? (t === null ? "?" : B(t, n)));
	let { low: i, high: a } = t ?? {
		low: NaN,
		high: NaN
	};
	e.dataset.low = String(i), e.dataset.high = String(a), e.dataset.value = i === a ? String(i) : "";
}
// src/parts/chainEditor.ts
function _r(e, t, { heat: n }) {
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
		let t = c().filter(Ft);
		if (cn(e) === cn(t)) return;
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
		let o = r.some((e) => O.get(e.stage.name).tempers), s = [...O.values()].filter((e) => !(e.tempers && o) && !r.some((t) => t.stage.name === e.name));
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
		let t = O.get(e.name), r = C(e.name), i = t.name === "temperature" && !n, a = _("button", {
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
		}), d = _("p", { class: "effect" }), p = new Map((t.options ?? []).map((e) => [e, br(e)])), g = p.size === 0 ? null : _("details", {
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
			}, ...yr(e.name)), i ? null : l, i ? _("span", {
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
		return l.addEventListener("input", () => m(x, t, l.value)), u.addEventListener("input", () => m(x, t, u.value)), u.addEventListener("blur", () => f(x, x.stage)), y.addEventListener("click", () => v(x)), a.addEventListener("keydown", (e) => b(x, e)), ee(x), x;
	}
	function m(e, t, n) {
		try {
			if (n.trim() === "") return;
			f(e, {
				...e.stage,
				value: Rt(t, Number(n), n)
			}), e.number.removeAttribute("aria-invalid"), S(o, ""), l();
		} catch (t) {
			e.number.setAttribute("aria-invalid", "true"), S(o, t.message);
		}
	}
	function h(e, t, n, r) {
		try {
			if (r.value.trim() === "") return;
			let i = zt(t, n, r.value);
			f(e, Lt(e.stage, {
				...e.stage.options,
				[n.name]: i
			})), r.removeAttribute("aria-invalid"), S(o, ""), l();
		} catch (e) {
			r.setAttribute("aria-invalid", "true"), S(o, e.message);
		}
	}
	function g(e) {
		let n = Mt(e);
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
	function te(e, t = "off") {
		for (let n of r) {
			let r = e.find((e) => e.stage.name === n.stage.name);
			S(n.effect, r === void 0 ? Ft(n.stage) ? t : "off" : vr(r));
		}
	}
	return d(), {
		element: s,
		show: u,
		report: te
	};
}
function vr(e) {
	let t = O.get(e.stage.name);
	return t.looksBack ? e.after !== void 0 && e.after === e.before ? "changes nothing here: no token in its scope came before" : "moves the logits of tokens that came before" : t.name === "dynatemp" ? "a temperature that follows the entropy" : !t.truncates && e.removed === 0 ? e.stage.value === 1 ? "leaves the model as it is" : e.stage.value < 1 ? "sharpens" : "flattens" : `keeps ${R(e.kept)}, removes ${R(e.removed)}; keeps ${B(e.keptMass, L)} of the mass that came in`;
}
function yr(e) {
	return e.split(/(?<=_)/).flatMap((e, t) => t === 0 ? [e] : [_("wbr"), e]);
}
function br(e) {
	return e.words === void 0 ? _("input", {
		type: "text",
		inputmode: e.scope ? "text" : "decimal",
		autocomplete: "off",
		"data-option": e.name
	}) : x(_("select", { "data-option": e.name }), ...e.words.map((e) => _("option", { value: e }, e)));
}
// src/parts/frame.ts
function xr(e) {
	let t = !1;
	return () => {
		t || (t = !0, requestAnimationFrame(() => {
			t = !1, e();
		}));
	};
}
function Sr(e, t, n) {
	let r = 0, i = new ResizeObserver(([i]) => {
		let a = Math.max(280, Math.round(i.contentRect.width));
		a !== r && i.contentRect.width !== 0 && (r = a, e.setAttribute("viewBox", `0 0 ${a} ${t}`), n(a));
	});
	return i.observe(e), () => i.disconnect();
}
// src/parts/known.ts
function Cr(e, t, n) {
	if (!n) return e.note ? _("p", { class: "note" }, e.note) : null;
	if (e.known === "full") return _("p", { class: "note" }, `This model runs here: its ${R(t)} most likely tokens are shown, and what they leave is the rest.`);
	let r = e.vocabulary === null ? `of an unknown number (the wide ends hold for up to ${R(e.vocabulary_at_most)})` : `of ${R(e.vocabulary)}`;
	return _("div", {
		class: "note",
		role: "note"
	}, _("p", {}, `${R(t)} tokens ${r} are known. Every number here is an interval with the true value inside: lowest … highest; one number where both ends round to it.`), e.probe ? _("p", {}, _("b", {}, e.probe.logprobs === "raw" ? "Its logprobs are raw: " : "Its logprobs are processed: "), wr(e.probe)) : null, e.note ? _("p", {}, e.note) : null);
}
function wr(e) {
	return `${e.logprobs === "raw" ? "the model’s own, before any setting." : "what the server’s own settings left of the model’s; a temperature set here comes on top."} Probed: ${[
		"temperature",
		"top_p",
		"top_k"
	].map((t) => `${t} ${e[t]}`).join(", ")}; seed ${e.seed === null ? "unclear" : e.seed ? "honoured" : "ignored"}.`;
}
// src/math/partial.ts
var Tr = 1e-13, Er = 1e-12, Dr = (e) => Math.exp(Math.min(e, 700)), Or = (e, t) => e > 0 ? e / (e + t) : 0, kr = (e) => e > 0 ? -e * Math.log(e) : 0, Ar = (e, t, n) => Math.min(Math.max(e, t), n), U = (e) => Array.prototype.reduce.call(e, (e, t) => e + t, 0), jr = class e {
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
		let i = Float64Array.from(t, (e) => Math.min(e, 0)).sort().reverse(), a = U(i.map(Math.exp)), o = a > Math.exp(r) + Tr ? Math.log(a) : r, s = Math.min(i.at(-1) + o, 0);
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
		if (!this.normalised || this.unknown === 0) return j(0);
		let e = 1 - U(this.low.map(Math.exp)) + Tr, t = 1 - U(this.high.map(Math.exp)) - Tr, n = this.unknown * Math.exp(this.ceiling);
		return {
			low: Ar(t, 0, n),
			high: Ar(e, 0, n)
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
		return this.whole ? 0 : Dr((Math.log(this.largestUnknown) - this.high[0]) / this.temperature);
	}
	get unknownWeight() {
		if (this.whole) return j(0);
		if (this.tailWeight !== void 0) return this.tailWeight;
		let e = 1 / this.temperature, t = this.high[0] * e, n = (n) => Dr(e * Math.log(n) + (1 - e) * Math.log(this.unknown) - t), r = (n) => Dr(Math.log(n) + (e - 1) * Math.log(this.largestUnknown) - t), { low: i, high: a } = this.unknownMass, [o, s] = this.temperature >= 1 ? [r(i), n(a)] : [n(i), r(a)];
		return this.tailWeight = {
			low: o,
			high: Math.min(Math.max(o, s), this.unknown * this.largestWeight)
		};
	}
	get largestShare() {
		let e = this.largestWeight;
		return e > 0 ? e / (U(this.weights[0]) + Math.max(e, this.unknownWeight.low)) : 0;
	}
	get probs() {
		if (this.temperature === 0) return Array.from(this.low, (e, t) => ({
			low: +(t === 0 && this.ranked > 0),
			high: +(t === 0)
		}));
		let [e, t] = this.weights;
		if (this.exact) {
			let t = U(e);
			return Array.from(e, (e) => j(e / t));
		}
		let [n, r, i] = [
			U(e),
			U(t),
			this.unknownWeight
		];
		return Array.from(e, (a, o) => {
			let s = Or(e[o], Math.max(r - t[o], 0) + i.high), c = Or(t[o], Math.max(n - e[o], 0) + i.low);
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
		let [t, n] = this.weights, r = (t, n) => U(t.filter((t, r) => e(r) === n)), i = Or(r(t, !0), r(n, !1) + this.unknownWeight.high), a = Or(r(n, !0), r(t, !1) + this.unknownWeight.low);
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
			U(e),
			U(t),
			this.unknownWeight
		], a = this.temperature === 1 && this.normalised && this.unknown > 0, [o, s, c, l] = [
			0,
			0,
			0,
			0
		];
		return Array.from(e, (u, d) => {
			o += e[d], s += t[d], c += Math.exp(this.low[d]), l += Math.exp(this.high[d]);
			let f = Or(o, Math.max(r - s, 0) + i.high), p = Or(s, Math.max(n - o, 0) + i.low);
			return a && ([f, p] = [Math.max(f, c), Math.min(p, l)]), {
				low: Math.min(f, p),
				high: Math.min(p, 1)
			};
		});
	}
	get unseen() {
		if (this.whole) return j(0);
		let { low: e, high: t } = this.share(() => !0);
		return {
			low: Math.max(1 - t, 0),
			high: Math.max(1 - e, 0)
		};
	}
	get support() {
		if (this.temperature === 0) return j(1);
		let e = this.high.filter((e) => e > -Infinity).length;
		return {
			low: e + +(this.unknownMass.low > 0),
			high: e + (this.whole ? 0 : this.unknown)
		};
	}
	get entropy() {
		if (this.support.high === 1) return j(0);
		let e = this.probs;
		if (this.exact || this.whole && e.every(({ low: e, high: t }) => e === t)) return j(U(e.map(({ low: e }) => kr(e))));
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
		return !this.rounded && this.ranked > 1 && Number.isFinite(i) ? j(r) : {
			low: i,
			high: Math.max(i, r)
		};
	}
	nucleus(e) {
		if (this.temperature === 0 || e === 0) return j(1);
		if (e === 1) return this.support;
		let t = e * (1 - le), n = this.ranked, r = this.firstShares.slice(0, n), i = (e) => {
			let n = r.findIndex((n) => n[e] >= t);
			return n < 0 ? null : n + 1;
		}, a = r.at(-1) ?? j(0), [o, s] = [i("high"), i("low")];
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
			n += s, r -= kr(s), i = Math.max(i, e > 0 ? (Math.log(o) - Math.log(e)) / 2 : Infinity);
		});
		let a = this.unknownWeight, o = (e, t) => {
			let i = n + e;
			return Math.log(i) - (r + (e > 0 ? e * t : 0)) / i;
		}, [s, c] = [o(0, 0), o(0, 0)];
		if (a.high > 0) {
			let e = Math.log(this.largestWeight), t = Ar(e * n - r - n, a.low, a.high), i = Ar(this.unknown * Dr(r / n), a.low, a.high);
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
			U(e.map(({ low: e, high: n }) => Ar(t, e, n))) + n * Ar(t, r, a) < 1 ? o = (o + s) / 2 : s = (o + s) / 2;
		}
		let c = Math.exp(s), l = U(e.map(({ low: e, high: t }) => kr(Ar(c, e, t)))) + n * kr(Ar(c, r, a)), u = n > 0 ? this.ranked : e.length;
		if (i = Math.max(i, u < e.length ? e[u].high : 0), u === 0 || i > 0 && e[u - 1].low * Math.E < i) return {
			low: 0,
			high: l + 1e-12
		};
		let d = t.low + U(e.slice(u).map(({ low: e }) => e)), f = Math.max(1 - U(e.slice(0, u).map(({ low: e }) => e)) - d, 0), [p, m] = [0, 0];
		for (let { low: t, high: n } of e.slice(0, u)) {
			let e = t + Ar(f, 0, n - t);
			f -= n - t, p += e, m += kr(e);
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
function Mr(e, t) {
	let n = t.at(1).possible(), r = Nr(t, e), i = Fr(t, r);
	return nn({
		chain: e,
		stages: r.stages,
		before: n.tokens,
		kept: r.kept,
		nucleus: n.nucleus(.9).low,
		survivors: (e) => Nr(t, e),
		size: ({ kept: e }) => e,
		same: (e, t) => e.tail === t.tail && e.ranks.length === t.ranks.length && e.ranks.every((e, n) => e === t.ranks[n]),
		entropy: r.left.entropy,
		unseen: r.left.unseen,
		largestUnseen: r.tail ? r.left.largestShare : 0,
		prob: (e) => i[e] ?? j(0),
		beyond: (e) => ({
			share: Pr(r, e),
			kept: r.ranks.filter((t) => t >= e).length + (r.tail ? r.left.unknown : 0)
		}),
		removedBy: (e) => i[e].high > 0 ? null : r.stages.find((t) => t.removedRanks.includes(e))?.stage ?? null
	});
}
function Nr(e, t) {
	let n = e.at(1).possible(), r = n, i = Array.from(n.low, (e, t) => t), a = j(1), o = [];
	for (let e of t) {
		let t = O.get(e.name);
		if (t.looksBack) throw W(e, "it depends on token ids or on the text before, and only ranks are known");
		let [s, c] = [i, !r.whole], l = j(1), u = (e) => {
			let t = new Set(e);
			l = r.share((e) => t.has(e)), r = r.kept(e), i = e.map((e) => s[e]);
		};
		if (t.tempers) {
			let t = Ir(r, e);
			if (t.low === 0) {
				if (r.rankedTokens === 0) throw W(e, "an unknown token may be the most likely one");
				u([0]);
			} else a = t, r = t.low === t.high ? r.at(t.low) : r.divided(t);
		} else {
			let t = Lr(r, e);
			t !== null && (c || t.length < s.length) && u(t);
		}
		let d = r.whole ? 0 : r.unknown, f = s.length + (c ? n.unknown : 0), p = new Set(i);
		o.push({
			stage: e,
			kept: i.length + d,
			removed: f - i.length - d,
			keptMass: l,
			keptMassTotal: Gr(n, i, d > 0, a),
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
function Pr({ left: e, ranks: t }, n) {
	let { low: r, high: i } = e.share((e) => t[e] < n);
	return {
		low: 1 - i,
		high: 1 - r
	};
}
function Fr(e, t) {
	let n = e.at(1).possible(), r = Array.from(n.low, () => j(0));
	return t.left.probs.forEach((e, n) => r[t.ranks[n]] = e), Array.from(e.low, (e, t) => {
		if (t >= n.seen) return j(0);
		let { low: i, high: a } = r[t];
		for (let e = 0; e < n.seen; e++) n.high[e] > n.low[t] && n.low[e] < n.high[t] && (i = Math.min(i, r[e].low), a = Math.max(a, r[e].high));
		return {
			low: i,
			high: a
		};
	});
}
function Ir(e, t) {
	let n = t.name === "temperature" ? t.value : Number(t.options?.temperature ?? 1);
	if (t.name === "temperature" || n === 0) return j(n);
	if (!e.whole) throw W(t, "it follows the entropy of all tokens, and unknown ones are still there");
	if (e.exact) {
		let n = dn(De(e.low.slice()), t);
		return j(n.to - n.from === 1 && e.seen > 1 ? 0 : n.temperature);
	}
	let r = Number(At(O.get(t.name), t.options).exponent ?? 1), i = Math.log(Math.max(e.seen, 2)), [a, o] = [Math.max(n - t.value, 0), n + t.value], s = (e) => a + (o - a) * Math.min(e / i, 1) ** r, c = {
		low: s(e.entropy.low),
		high: s(e.entropy.high)
	};
	if (c.low === 0 && c.high > 0) throw W(t, "rounding leaves open whether its temperature is 0");
	return c;
}
function Lr(e, t) {
	if (e.exact) {
		let n = dn(De(e.low.map((t) => t / (e.temperature || 1))), t);
		return Array.from({ length: n.to - n.from }, (e, t) => D(n, n.from + t)).sort((e, t) => e - t);
	}
	let { name: n, value: r } = t;
	if (n === "top_k") return r >= e.tokens ? null : zr(e, t, r);
	if (n === "top_p") {
		let { low: n, high: i } = e.nucleus(r);
		if (n !== i) throw W(t, `the nucleus holds ${n.toLocaleString("en")} to ${i.toLocaleString("en")} tokens`);
		return zr(e, t, n);
	}
	if (n === "min_p") return zr(e, t, Vr(e, t, j(Math.log(r)), !0));
	if (n === "epsilon_cutoff") return zr(e, t, Math.max(Vr(e, t, j(Math.log(r)), !1), 1));
	if (n === "eta_cutoff") {
		let n = (e) => Math.min(Math.log(r), Math.log(r) / 2 - e), { low: i, high: a } = e.entropy;
		return zr(e, t, Math.max(Vr(e, t, {
			low: n(a),
			high: n(i)
		}, !1), 1));
	}
	if (!e.whole) throw W(t, `it needs the whole vocabulary as long as nothing before it has cut off all but the ${e.seen} known tokens`);
	if (n === "top_n_sigma") return Rr(Hr(e, t));
	if (n === "typical_p") return Ur(e, t);
	let i = At(O.get(n), t.options);
	if (n === "top_h" && i.entropy === "kept" && !i.among) return Rr(Wr(e, t));
	throw W(t, "its logprobs are rounded");
}
var Rr = (e) => Array.from({ length: e }, (e, t) => t);
function zr(e, t, n) {
	let r = At(O.get(t.name), t.options), i = "min_keep" in r ? Math.max(n, Math.min(Number(r.min_keep), e.tokens)) : n;
	if (e.whole && (i = Math.min(i, e.seen)), i > e.rankedTokens) throw W(t, `the ${e.rankedTokens} most likely tokens are known, and it keeps ${i.toLocaleString("en")}`);
	return r.ties === "all" && i < e.tokens && (i = Br(e, t, i)), Rr(i);
}
function Br(e, t, n) {
	let r = e.low[n - 1];
	if (!e.whole && Math.log(e.largestUnknownProb) >= r) throw W(t, "unknown tokens may tie with the last one kept");
	let i = e.high.subarray(n);
	if (!e.rounded) return n + i.filter((t) => t === e.high[n - 1]).length;
	if (i.length > 0 && i[0] >= r) throw W(t, "rounding leaves open which tokens tie with the last one kept");
	return n;
}
function Vr(e, t, n, r) {
	let i = e.temperature, a, o;
	r ? (a = Array.from(e.low, (t, n) => {
		if (n === 0) return j(0);
		let r = (e.high[n] - e.low[0]) / i;
		return e.rounded ? {
			low: (t - e.high[0]) / i,
			high: r
		} : j(r);
	}), o = (Math.log(e.largestUnknownProb) - e.low[0]) / i) : (a = e.probs.map(({ low: e, high: t }) => ({
		low: Math.log(e),
		high: Math.log(t)
	})), o = Math.log(e.largestShare));
	let s = a.filter((e) => e.low >= n.high - Er).length, c = a.findIndex((e) => !(e.low >= n.high - Er) && !(e.high < n.low - Er));
	if (c >= 0) throw W(t, `the token of rank ${c + 1} is too near to its limit`);
	if (!e.whole && o >= n.low - Er) throw W(t, `unknown tokens may pass it besides ${s} known ones`);
	return s;
}
function Hr(e, t) {
	let n = e.temperature, r = e.low.map((t, r) => (t + e.high[r]) / 2 / n), i = Math.max(...e.low.map((t, n) => (e.high[n] - t) / 2)) / n, a = U(r) / r.length, o = t.value * Math.sqrt(U(r.map((e) => (e - a) ** 2)) / r.length), s = (2 + t.value) * i, c = 1;
	for (let e = 1; e < r.length; e++) {
		let n = r[0] - r[e];
		if (n <= o - s) c += 1;
		else if (n <= o + s) throw W(t, "a token lies too near to its limit");
	}
	return c;
}
function Ur(e, t) {
	let n = e.entropy, r = e.probs.map(({ low: e, high: t }) => {
		let [r, i] = [-Math.log(t) - n.high, -Math.log(e) - n.low];
		return {
			low: r <= 0 && i >= 0 ? 0 : Math.min(Math.abs(r), Math.abs(i)),
			high: Math.max(Math.abs(r), Math.abs(i))
		};
	}), i = Rr(r.length).sort((e, t) => r[e].low + r[e].high - r[t].low - r[t].high), a = t.value * (1 - le), o = Number(At(O.get(t.name), t.options).min_keep ?? 1);
	for (let t = 1; t <= i.length; t++) {
		let n = i.slice(0, t), s = (t) => e.share((e) => t.includes(e));
		if (s(n).high < a) continue;
		let c = t === i.length || Math.max(...n.map((e) => r[e].high)) < Math.min(...i.slice(t).map((e) => r[e].low)), l = Math.max(...n.map((e) => r[e].low)), u = n.filter((e) => r[e].high >= l), d = t === 1 || u.every((e) => s(n.filter((t) => t !== e)).high < a);
		if (c && s(n).low >= a && d && t >= o) return n.sort((e, t) => e - t);
		break;
	}
	throw W(t, "rounding leaves open which tokens come first in its order");
}
function Wr(e, t) {
	let n = e.entropy, [r, i] = [n.low, n.high].map((e) => t.value * e * (1 + le));
	if (i <= 0) return 1;
	for (let n = 2; n <= e.seen; n++) {
		let a = e.kept(Rr(n)).entropy;
		if (a.low > i) return n - 1;
		if (a.high > r || r <= 0) throw W(t, `rounding leaves open whether ${n} tokens stay under its bound`);
	}
	return e.seen;
}
function Gr(e, t, n, r) {
	if (n || t.length === e.seen && e.whole) return j(1);
	let i = new Set(t), a = [r.low, r.high].map((t) => e.at(t).share((e) => i.has(e)));
	return r.low === r.high ? a[0] : t.every((e, t) => e === t) ? {
		low: Math.min(...a.map((e) => e.low)),
		high: Math.max(...a.map((e) => e.high))
	} : {
		low: 0,
		high: 1
	};
}
function W(e, t) {
	return new k(`What ${A(e)} keeps cannot be decided here: ${t}; cut to the known tokens first (top_k), ask for more logprobs or more decimals, or use a model that runs here.`);
}
// src/views/subject.ts
function Kr(e) {
	if (e.logits !== null) {
		let t = On(e.logits), n = {
			ids: e.history,
			ranks: e.history_ranks,
			promptLength: e.prompt_length
		}, r = (e) => fn(e, t, n), i = r([]), a = N(i) ? je(i.raw) : NaN;
		return {
			record: e,
			tokens: t.length,
			seen: t.length,
			logits: t,
			raw: i,
			explain: r,
			chain: e.chain,
			margin: j(a)
		};
	}
	let t = jr.of(e.logprobs, e.vocabulary_at_most, e.rounding), n = (e) => Mr(e, t);
	return {
		record: e,
		tokens: t.tokens,
		seen: t.seen,
		logits: Float64Array.from(e.logprobs),
		raw: n([]),
		explain: n,
		margin: t.margin,
		chain: Jr(n, e.chain) ? e.chain : "temperature=1"
	};
}
function qr(e) {
	return N(e) ? j(mn(e.processed)) : {
		low: Math.exp(e.entropy.low),
		high: Math.exp(e.entropy.high)
	};
}
function Jr(e, t) {
	try {
		return e(on(t).chain), !0;
	} catch (e) {
		if (e instanceof k) return !1;
		throw e;
	}
}
// src/views/compare.ts
var Yr = 18;
function Xr(e, t) {
	let { state: n, announce: r } = t, i = [{
		...Kr(e.a),
		name: "A",
		key: "chain_a"
	}, {
		...Kr(e.b),
		name: "B",
		key: "chain_b"
	}], a = e.comparable && e.a.rank_ids && e.b.rank_ids ? Zr(e.a, e.b) : null, o = i.map((e) => h(e)), s = _("div"), c = _("p", { class: "verdict-line" }), l = _("tbody"), u = e.compared !== null, d = pi(), f = xr(g), p = null;
	function m(e) {
		try {
			return rn(n.get(e.key) ?? e.chain);
		} catch {
			return on(e.chain).chain;
		}
	}
	function h(t) {
		let i = (e) => n.set(t.key, cn(e.filter(Ft)) || " "), a = _r(i, r, { heat: !0 }), o = _("select", {
			"aria-label": `${t.name}: order and rules as in an engine`,
			onchange: () => {
				o.value && i(wn(o.value, m(t))), o.value = "";
			}
		});
		x(o, _("option", { value: "" }, "as in …"), ...[...Cn.keys()].map((e) => _("option", { value: e }, e)));
		let [s, c, l] = [
			_("b"),
			_("b"),
			_("b")
		], u = Yn([
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
		]), d = an(on(t.record.chain).others), f = t.record.prompt_tokens.length > 0 ? t.record.prompt_tokens : [t.record.prompt];
		return {
			element: _("section", {
				class: `card side-${t.name.toLowerCase()}`,
				"aria-label": t.name
			}, _("h2", {}, _("span", { class: `side-mark mark-${t.name.toLowerCase()}` }, t.name), ` ${t.record.model}`), _("p", {
				class: "tokens side-prompt",
				dir: "auto"
			}, ...f.map(H)), Cr(t.record, t.seen, e.compared !== null), d ? _("p", { class: "note" }, d) : null, e.compared === null ? a.element : null, e.compared === null ? _("p", { class: "chain-tools" }, o) : null, u),
			show(e) {
				a.show(m(t)), a.report(e.stages), S(s, R(e.kept)), S(c, B(e.entropy)), S(l, B(qr(e)));
			}
		};
	}
	function g() {
		let [t, n] = i.map((e) => u ? e.raw : e.explain(m(e)));
		p = [t, n], o[0].show(t), o[1].show(n);
		let r = Qr(i, a, p, Yr).map((t) => ti(t, e, p)), f = u ? {
			a: t.unseen,
			b: n.unseen
		} : null, h = Math.max(...r.flatMap((e) => [e.a?.high ?? 0, e.b?.high ?? 0]), f?.a.high ?? 0, f?.b.high ?? 0, 1e-12);
		x(l, ...r.map((e) => ni(e, h)), f ? ni({
			token: null,
			...f,
			removedA: null,
			removedB: null
		}, h) : null), d.draw(r);
		let g = e.compared ? ci(e.compared) : a ? ri(i, a, p) : [];
		x(s, g.length > 0 ? Yn(g) : null), S(c, ii(i, a, p, e.compared));
	}
	let v = n.listen((e) => (e === "chain_a" || e === "chain_b") && f()), y = _("div", {}, a || u ? null : _("p", { class: "note" }, "The two models have different vocabularies, so no distance is given. Tokens are matched by their text. What one model writes in several pieces (␣Can·ber·ra) has the probability of all pieces in a row, for the raw distribution; – stands where nothing is known."), _("div", { class: "two" }, o[0].element, o[1].element), _("section", {
		class: "card",
		"aria-label": "The two distributions"
	}, c, s, _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "Tokens in A and in B"
	}, _("table", { class: `bars pair${u ? " range-bars" : ""}` }, _("caption", { class: "sr" }, `${u ? "Raw" : "Processed"} probability of each token in A and in B`), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token ", V("token")), _("th", {
		scope: "col",
		class: "figure ink-a"
	}, "in A ", V(u ? "raw" : "processed")), _("th", {
		scope: "col",
		class: "figure ink-b"
	}, "in B ", V(u ? "raw" : "processed")), _("th", { scope: "col" }, _("span", { class: "sr" }, "bars")))), l))), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "How far apart each token is "), V(u ? "raw" : "processed"), " ", _("small", {}, `One step of the axis is a factor of 100${u ? "; a line reaches from the lowest to the highest that a token can have" : ""}.`), " ", _("span", { class: "legend" }, _("span", { class: "key key-accent" }, "A"), _("span", { class: "key key-second" }, "B"))), d.element));
	return g(), {
		element: y,
		close: () => {
			v(), d.close();
		},
		download: {
			name: "retort-compare",
			json: () => mi(e, i, a, p),
			csv: () => [[
				"token",
				"prob_a_low",
				"prob_a_high",
				"prob_b_low",
				"prob_b_high"
			], ...Qr(i, a, p, 500).map(({ token: e, a: t, b: n }) => [
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
function Zr(e, t) {
	let n = Math.max(e.vocabulary, t.vocabulary), r = [kn(e.rank_ids), kn(t.rank_ids)];
	return {
		size: n,
		ids: r,
		ranks: [_n(r[0], n), _n(r[1], n)]
	};
}
function Qr(e, t, n, r) {
	let i = t ? $r(e, t, n, r) : ei(e, n), a = (e) => Math.max(e.a?.high ?? 0, e.b?.high ?? 0);
	return i.sort((e, t) => a(t) - a(e)).slice(0, r);
}
function $r(e, { ids: t, ranks: n }, r, i) {
	let a = new Map(e.flatMap(({ record: e }) => e.ids.map((t, n) => [t, e.tokens[n]]))), o = r.flatMap((e, n) => {
		let { processed: r } = e;
		return [...Array.from({ length: Math.min(i, e.kept) }, (e, i) => t[n][D(r, r.from + i)]), ...t[n].subarray(0, 4)];
	});
	return [...new Set(o)].map((t) => {
		let [i, o] = [n[0][t], n[1][t]], s = (t, n) => n < e[t].tokens ? r[t].prob(n) : j(0);
		return {
			token: a.get(t) ?? `#${t}`,
			a: s(0, i),
			b: s(1, o),
			removedA: r[0].removedBy(i)?.name ?? null,
			removedB: r[1].removedBy(o)?.name ?? null
		};
	});
}
function ei(e, t) {
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
function ti(e, { spelled: t }, n) {
	let r = (n) => e.token !== null && (n === 0 ? e.a : e.b) === null ? t[n].find(({ text: t }) => t === e.token) ?? null : null, [i, a] = [r(0), r(1)], o = (e, { stages: t }) => e !== null && t.every(({ stage: e }) => e.name === "temperature" && e.value === 1) ? j(Math.exp(e.logprob)) : null;
	return {
		...e,
		a: e.a ?? o(i, n[0]),
		b: e.b ?? o(a, n[1]),
		spelled: [i, a]
	};
}
function ni(e, t) {
	let [n, r] = [pr("a"), pr("b")];
	mr(n, e.a ?? j(0), t), mr(r, e.b ?? j(0), t);
	let i = (t, n, r) => {
		let i = _("td", {
			class: `figure ink-${r}`,
			title: n ? `removed by ${n}` : t === null ? "not among the tokens that are named" : null
		});
		if (n) return x(i, _("small", {}, `− ${n}`));
		let a = e.spelled?.[r === "a" ? 0 : 1]?.tokens ?? [], o = a.length > 1 ? _("small", {
			class: "spelled",
			title: "the pieces in which this model writes it; their raw probabilities multiplied"
		}, a.map(or).join("·")) : null;
		if (t === null) return x(i, _("small", {}, "–"), o);
		let s = _("span");
		return gr(s, t, L), gr(i, t, L), x(i, s, o);
	};
	return _("tr", { class: e.token === null ? "rest" : "" }, _("th", {
		scope: "row",
		class: "token-cell"
	}, e.token === null ? "all unknown ones" : H(e.token)), i(e.a, e.removedA, "a"), i(e.b, e.removedB, "b"), _("td", { class: "bar-cell" }, _("span", {
		class: "bar-box",
		"aria-hidden": "true"
	}, n.element, r.element)));
}
function G(e, t, n, r, i, a, o = "") {
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
function ri(e, t, [n, r]) {
	let i = si(t, n, r);
	if (i === null || !N(n) || !N(r)) return [];
	let a = xn({
		window: n.tempered,
		ids: t.ids[0]
	}, e[1].logits, t.ids[1], t.size);
	return [
		G("tv", "total variation", "0 same, 1 disjoint", "total-variation", i.totalVariation, F(i.totalVariation)),
		G("jsd", "Jensen-Shannon", "nats, at most 0.693", "jsd", i.jsd, F(i.jsd)),
		G("kl-forward", "KL(A ‖ B)", "nats", "kl", i.klForward, F(i.klForward)),
		G("kl-reverse", "KL(B ‖ A)", "nats", "kl", i.klReverse, F(i.klReverse)),
		G("equivalent", "τ that brings B nearest to A", "B whole, A tempered", "equivalent-temperature", a?.temperature ?? NaN, a === null ? "none" : I(a.temperature, 2), a === null ? "" : `${a.atBound ? "(a limit), " : ""}${zn(a.residual)} remain`)
	];
}
function ii([e, t], n, r, i) {
	let [a, o] = [ai(e, r[0]), ai(t, r[1])], s = a.token === o.token ? `Both put ${a.shown} first: A gives it ${a.share}, B ${o.share}.` : `A puts ${a.shown} first (${a.share}), B ${o.shown} (${o.share}).`, c = i ? M(i.total_variation) : n ? j(si(n, ...r)?.totalVariation ?? NaN) : null;
	return c === null || Number.isNaN(c.high) ? s : `${s} They share ${B({
		low: 1 - c.high,
		high: 1 - c.low
	}, oi)} of their probability.`;
}
function ai({ record: e }, t) {
	let n = 0;
	e.tokens.forEach((e, r) => {
		t.prob(r).high > t.prob(n).high && (n = r);
	});
	let r = e.tokens[n];
	return {
		token: r,
		shown: `“${or(r)}”`,
		share: B(t.prob(n), oi)
	};
}
function oi(e) {
	return e > 0 && e < .01 ? "less than 1%" : In(e);
}
function si(e, t, n) {
	return !N(t) || !N(n) ? null : vn({
		window: t.processed,
		ids: e.ids[0]
	}, {
		window: n.processed,
		ids: e.ids[1]
	}, e.size);
}
function ci(e) {
	let t = ({ low: e, high: t }) => e === t ? F(e) : e === -Infinity ? "inf" : `at least ${F(e)}`;
	return [
		G("tv", "total variation", "0 same, 1 disjoint", "total-variation", null, B(M(e.total_variation))),
		G("kl-forward", "KL(A ‖ B)", "nats", "kl", null, t(M(e.kl_ab))),
		G("kl-reverse", "KL(B ‖ A)", "nats", "kl", null, t(M(e.kl_ba))),
		G("common", "tokens that both name", "", "interval", null, F(e.common)),
		G("logprob-difference", "largest difference of logprobs", "nats, among these", "logprob", null, F(e.logprob_difference))
	];
}
var li = 20, ui = 120, di = {
	right: 22,
	top: 8,
	bottom: 34
}, fi = 1e-6;
function pi() {
	let e = di.top + 360 + di.bottom, t = v("title"), n = v("g"), r = v("svg", {
		viewBox: `0 0 640 ${e}`,
		class: "chart pair-chart",
		role: "img"
	}, t, n);
	r.style.maxHeight = "none";
	let i = 640, a = [], o = Sr(r, e, (e) => {
		i = e, c(a);
	}), s = (e) => e === null ? "not named" : B(e, L);
	function c(r) {
		a = r;
		let o = (e) => ui + (i - di.right - ui) * Math.log(Math.max(e, fi) / fi) / Math.log(1 / fi), c = (e, t, n) => e === null || e.high < fi ? null : e.low === e.high ? v("circle", {
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
		S(t, `Probability in A and B: ${r.slice(0, 8).map((e) => `${or(e.token ?? "")} ${s(e.a)} and ${s(e.b)}`).join("; ")}`), x(n, ...[
			1,
			.01,
			1e-4,
			1e-6
		].flatMap((t) => [v("line", {
			class: "grid",
			x1: o(t),
			x2: o(t),
			y1: di.top,
			y2: e - di.bottom
		}), v("text", {
			x: o(t),
			y: e - di.bottom + 16,
			"text-anchor": "middle"
		}, t === fi ? "≤ 0.0001%" : `${F(100 * t)}%`)]), ...r.flatMap((e, t) => {
			let n = di.top + t * li + li / 2, r = or(e.token ?? "");
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
			x: i - di.right,
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
function mi(e, t, n, r) {
	let i = ({ record: { model: e, prompt: t } }, { stages: n }) => ({
		model: e,
		prompt: t,
		chain: cn(n.map(({ stage: e }) => e))
	});
	return {
		a: i(t[0], r[0]),
		b: i(t[1], r[1]),
		comparable: e.comparable,
		distances: e.compared ?? (n && si(n, ...r)),
		tokens: Qr(t, n, r, 200)
	};
}
// src/views/glossary.ts
function hi({ state: e, data: t }) {
	let n = Object.entries(qn).map(([e, { term: t, text: n }]) => _("div", {
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
function gi(e, t) {
	return e == null || t == null ? NaN : e < t ? -1 : e > t ? 1 : e >= t ? 0 : NaN;
}
// node_modules/d3-array/src/descending.js
function _i(e, t) {
	return e == null || t == null ? NaN : t < e ? -1 : t > e ? 1 : t >= e ? 0 : NaN;
}
// node_modules/d3-array/src/bisector.js
function vi(e) {
	let t, n, r;
	e.length === 2 ? (t = e === gi || e === _i ? e : yi, n = e, r = e) : (t = gi, n = (t, n) => gi(e(t), n), r = (t, n) => e(t) - n);
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
function yi() {
	return 0;
}
// node_modules/d3-array/src/number.js
function bi(e) {
	return e === null ? NaN : +e;
}
// node_modules/d3-array/src/bisect.js
var xi = vi(gi), Si = xi.right;
xi.left, vi(bi).center;
// node_modules/d3-array/src/extent.js
function Ci(e, t) {
	let n, r;
	if (t === void 0) for (let t of e) t != null && (n === void 0 ? t >= t && (n = r = t) : (n > t && (n = t), r < t && (r = t)));
	else {
		let i = -1;
		for (let a of e) (a = t(a, ++i, e)) != null && (n === void 0 ? a >= a && (n = r = a) : (n > a && (n = a), r < a && (r = a)));
	}
	return [n, r];
}
// node_modules/d3-array/src/ticks.js
var wi = Math.sqrt(50), Ti = Math.sqrt(10), Ei = Math.sqrt(2);
function Di(e, t, n) {
	let r = (t - e) / Math.max(0, n), i = Math.floor(Math.log10(r)), a = r / 10 ** i, o = a >= wi ? 10 : a >= Ti ? 5 : a >= Ei ? 2 : 1, s, c, l;
	return i < 0 ? (l = 10 ** -i / o, s = Math.round(e * l), c = Math.round(t * l), s / l < e && ++s, c / l > t && --c, l = -l) : (l = 10 ** i * o, s = Math.round(e / l), c = Math.round(t / l), s * l < e && ++s, c * l > t && --c), c < s && .5 <= n && n < 2 ? Di(e, t, n * 2) : [
		s,
		c,
		l
	];
}
function Oi(e, t, n) {
	if (t = +t, e = +e, n = +n, !(n > 0)) return [];
	if (e === t) return [e];
	let r = t < e, [i, a, o] = r ? Di(t, e, n) : Di(e, t, n);
	if (!(a >= i)) return [];
	let s = a - i + 1, c = Array(s);
	if (r) {
		if (o < 0) for (let e = 0; e < s; ++e) c[e] = (a - e) / -o;
		else for (let e = 0; e < s; ++e) c[e] = (a - e) * o;
	} else if (o < 0) for (let e = 0; e < s; ++e) c[e] = (i + e) / -o;
	else for (let e = 0; e < s; ++e) c[e] = (i + e) * o;
	return c;
}
function ki(e, t, n) {
	return t = +t, e = +e, n = +n, Di(e, t, n)[2];
}
function Ai(e, t, n) {
	t = +t, e = +e, n = +n;
	let r = t < e, i = r ? ki(t, e, n) : ki(e, t, n);
	return (r ? -1 : 1) * (i < 0 ? 1 / -i : i);
}
// node_modules/d3-scale/src/init.js
function ji(e, t) {
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
function Mi(e, t, n) {
	e.prototype = t.prototype = n, n.constructor = e;
}
function Ni(e, t) {
	var n = Object.create(e.prototype);
	for (var r in t) n[r] = t[r];
	return n;
}
function Pi() {}
var Fi = .7, Ii = 1 / Fi, Li = "\\s*([+-]?\\d+)\\s*", Ri = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)\\s*", K = "\\s*([+-]?(?:\\d*\\.)?\\d+(?:[eE][+-]?\\d+)?)%\\s*", zi = /^#([0-9a-f]{3,8})$/, Bi = RegExp(`^rgb\\(${Li},${Li},${Li}\\)$`), Vi = RegExp(`^rgb\\(${K},${K},${K}\\)$`), Hi = RegExp(`^rgba\\(${Li},${Li},${Li},${Ri}\\)$`), Ui = RegExp(`^rgba\\(${K},${K},${K},${Ri}\\)$`), Wi = RegExp(`^hsl\\(${Ri},${K},${K}\\)$`), Gi = RegExp(`^hsla\\(${Ri},${K},${K},${Ri}\\)$`), Ki = {
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
Mi(Pi, Zi, {
	copy(e) {
		return Object.assign(new this.constructor(), this, e);
	},
	displayable() {
		return this.rgb().displayable();
	},
	hex: qi,
	formatHex: qi,
	formatHex8: Ji,
	formatHsl: Yi,
	formatRgb: Xi,
	toString: Xi
});
function qi() {
	return this.rgb().formatHex();
}
function Ji() {
	return this.rgb().formatHex8();
}
function Yi() {
	return la(this).formatHsl();
}
function Xi() {
	return this.rgb().formatRgb();
}
function Zi(e) {
	var t, n;
	return e = (e + "").trim().toLowerCase(), (t = zi.exec(e)) ? (n = t[1].length, t = parseInt(t[1], 16), n === 6 ? Qi(t) : n === 3 ? new q(t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, (t & 15) << 4 | t & 15, 1) : n === 8 ? $i(t >> 24 & 255, t >> 16 & 255, t >> 8 & 255, (t & 255) / 255) : n === 4 ? $i(t >> 12 & 15 | t >> 8 & 240, t >> 8 & 15 | t >> 4 & 240, t >> 4 & 15 | t & 240, ((t & 15) << 4 | t & 15) / 255) : null) : (t = Bi.exec(e)) ? new q(t[1], t[2], t[3], 1) : (t = Vi.exec(e)) ? new q(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, 1) : (t = Hi.exec(e)) ? $i(t[1], t[2], t[3], t[4]) : (t = Ui.exec(e)) ? $i(t[1] * 255 / 100, t[2] * 255 / 100, t[3] * 255 / 100, t[4]) : (t = Wi.exec(e)) ? ca(t[1], t[2] / 100, t[3] / 100, 1) : (t = Gi.exec(e)) ? ca(t[1], t[2] / 100, t[3] / 100, t[4]) : Ki.hasOwnProperty(e) ? Qi(Ki[e]) : e === "transparent" ? new q(NaN, NaN, NaN, 0) : null;
}
function Qi(e) {
	return new q(e >> 16 & 255, e >> 8 & 255, e & 255, 1);
}
function $i(e, t, n, r) {
	return r <= 0 && (e = t = n = NaN), new q(e, t, n, r);
}
function ea(e) {
	return e instanceof Pi || (e = Zi(e)), e ? (e = e.rgb(), new q(e.r, e.g, e.b, e.opacity)) : new q();
}
function ta(e, t, n, r) {
	return arguments.length === 1 ? ea(e) : new q(e, t, n, r ?? 1);
}
function q(e, t, n, r) {
	this.r = +e, this.g = +t, this.b = +n, this.opacity = +r;
}
Mi(q, ta, Ni(Pi, {
	brighter(e) {
		return e = e == null ? Ii : Ii ** +e, new q(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? Fi : Fi ** +e, new q(this.r * e, this.g * e, this.b * e, this.opacity);
	},
	rgb() {
		return this;
	},
	clamp() {
		return new q(oa(this.r), oa(this.g), oa(this.b), aa(this.opacity));
	},
	displayable() {
		return -.5 <= this.r && this.r < 255.5 && -.5 <= this.g && this.g < 255.5 && -.5 <= this.b && this.b < 255.5 && 0 <= this.opacity && this.opacity <= 1;
	},
	hex: na,
	formatHex: na,
	formatHex8: ra,
	formatRgb: ia,
	toString: ia
}));
function na() {
	return `#${sa(this.r)}${sa(this.g)}${sa(this.b)}`;
}
function ra() {
	return `#${sa(this.r)}${sa(this.g)}${sa(this.b)}${sa((isNaN(this.opacity) ? 1 : this.opacity) * 255)}`;
}
function ia() {
	let e = aa(this.opacity);
	return `${e === 1 ? "rgb(" : "rgba("}${oa(this.r)}, ${oa(this.g)}, ${oa(this.b)}${e === 1 ? ")" : `, ${e})`}`;
}
function aa(e) {
	return isNaN(e) ? 1 : Math.max(0, Math.min(1, e));
}
function oa(e) {
	return Math.max(0, Math.min(255, Math.round(e) || 0));
}
function sa(e) {
	return e = oa(e), (e < 16 ? "0" : "") + e.toString(16);
}
function ca(e, t, n, r) {
	return r <= 0 ? e = t = n = NaN : n <= 0 || n >= 1 ? e = t = NaN : t <= 0 && (e = NaN), new J(e, t, n, r);
}
function la(e) {
	if (e instanceof J) return new J(e.h, e.s, e.l, e.opacity);
	if (e instanceof Pi || (e = Zi(e)), !e) return new J();
	if (e instanceof J) return e;
	e = e.rgb();
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = Math.min(t, n, r), a = Math.max(t, n, r), o = NaN, s = a - i, c = (a + i) / 2;
	return s ? (o = t === a ? (n - r) / s + (n < r) * 6 : n === a ? (r - t) / s + 2 : (t - n) / s + 4, s /= c < .5 ? a + i : 2 - a - i, o *= 60) : s = c > 0 && c < 1 ? 0 : o, new J(o, s, c, e.opacity);
}
function ua(e, t, n, r) {
	return arguments.length === 1 ? la(e) : new J(e, t, n, r ?? 1);
}
function J(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
Mi(J, ua, Ni(Pi, {
	brighter(e) {
		return e = e == null ? Ii : Ii ** +e, new J(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? Fi : Fi ** +e, new J(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = this.h % 360 + (this.h < 0) * 360, t = isNaN(e) || isNaN(this.s) ? 0 : this.s, n = this.l, r = n + (n < .5 ? n : 1 - n) * t, i = 2 * n - r;
		return new q(pa(e >= 240 ? e - 240 : e + 120, i, r), pa(e, i, r), pa(e < 120 ? e + 240 : e - 120, i, r), this.opacity);
	},
	clamp() {
		return new J(da(this.h), fa(this.s), fa(this.l), aa(this.opacity));
	},
	displayable() {
		return (0 <= this.s && this.s <= 1 || isNaN(this.s)) && 0 <= this.l && this.l <= 1 && 0 <= this.opacity && this.opacity <= 1;
	},
	formatHsl() {
		let e = aa(this.opacity);
		return `${e === 1 ? "hsl(" : "hsla("}${da(this.h)}, ${fa(this.s) * 100}%, ${fa(this.l) * 100}%${e === 1 ? ")" : `, ${e})`}`;
	}
}));
function da(e) {
	return e = (e || 0) % 360, e < 0 ? e + 360 : e;
}
function fa(e) {
	return Math.max(0, Math.min(1, e || 0));
}
function pa(e, t, n) {
	return (e < 60 ? t + (n - t) * e / 60 : e < 180 ? n : e < 240 ? t + (n - t) * (240 - e) / 60 : t) * 255;
}
var ma = Math.PI / 180, ha = 180 / Math.PI, ga = 18, _a = .96422, va = 1, ya = .82521, ba = 4 / 29, xa = 6 / 29, Sa = 3 * xa * xa, Ca = xa * xa * xa;
function wa(e) {
	if (e instanceof Y) return new Y(e.l, e.a, e.b, e.opacity);
	if (e instanceof Ma) return Na(e);
	e instanceof q || (e = ea(e));
	var t = ka(e.r), n = ka(e.g), r = ka(e.b), i = Ea((.2225045 * t + .7168786 * n + .0606169 * r) / va), a, o;
	return t === n && n === r ? a = o = i : (a = Ea((.4360747 * t + .3850649 * n + .1430804 * r) / _a), o = Ea((.0139322 * t + .0971045 * n + .7141733 * r) / ya)), new Y(116 * i - 16, 500 * (a - i), 200 * (i - o), e.opacity);
}
function Ta(e, t, n, r) {
	return arguments.length === 1 ? wa(e) : new Y(e, t, n, r ?? 1);
}
function Y(e, t, n, r) {
	this.l = +e, this.a = +t, this.b = +n, this.opacity = +r;
}
Mi(Y, Ta, Ni(Pi, {
	brighter(e) {
		return new Y(this.l + ga * (e ?? 1), this.a, this.b, this.opacity);
	},
	darker(e) {
		return new Y(this.l - ga * (e ?? 1), this.a, this.b, this.opacity);
	},
	rgb() {
		var e = (this.l + 16) / 116, t = isNaN(this.a) ? e : e + this.a / 500, n = isNaN(this.b) ? e : e - this.b / 200;
		return t = _a * Da(t), e = va * Da(e), n = ya * Da(n), new q(Oa(3.1338561 * t - 1.6168667 * e - .4906146 * n), Oa(-.9787684 * t + 1.9161415 * e + .033454 * n), Oa(.0719453 * t - .2289914 * e + 1.4052427 * n), this.opacity);
	}
}));
function Ea(e) {
	return e > Ca ? e ** (1 / 3) : e / Sa + ba;
}
function Da(e) {
	return e > xa ? e * e * e : Sa * (e - ba);
}
function Oa(e) {
	return 255 * (e <= .0031308 ? 12.92 * e : 1.055 * e ** (1 / 2.4) - .055);
}
function ka(e) {
	return (e /= 255) <= .04045 ? e / 12.92 : ((e + .055) / 1.055) ** 2.4;
}
function Aa(e) {
	if (e instanceof Ma) return new Ma(e.h, e.c, e.l, e.opacity);
	if (e instanceof Y || (e = wa(e)), e.a === 0 && e.b === 0) return new Ma(NaN, 0 < e.l && e.l < 100 ? 0 : NaN, e.l, e.opacity);
	var t = Math.atan2(e.b, e.a) * ha;
	return new Ma(t < 0 ? t + 360 : t, Math.sqrt(e.a * e.a + e.b * e.b), e.l, e.opacity);
}
function ja(e, t, n, r) {
	return arguments.length === 1 ? Aa(e) : new Ma(e, t, n, r ?? 1);
}
function Ma(e, t, n, r) {
	this.h = +e, this.c = +t, this.l = +n, this.opacity = +r;
}
function Na(e) {
	if (isNaN(e.h)) return new Y(e.l, 0, 0, e.opacity);
	var t = e.h * ma;
	return new Y(e.l, Math.cos(t) * e.c, Math.sin(t) * e.c, e.opacity);
}
Mi(Ma, ja, Ni(Pi, {
	brighter(e) {
		return new Ma(this.h, this.c, this.l + ga * (e ?? 1), this.opacity);
	},
	darker(e) {
		return new Ma(this.h, this.c, this.l - ga * (e ?? 1), this.opacity);
	},
	rgb() {
		return Na(this).rgb();
	}
}));
var Pa = -.14861, Fa = 1.78277, Ia = -.29227, La = -.90649, Ra = 1.97294, za = Ra * La, Ba = Ra * Fa, Va = Fa * Ia - La * Pa;
function Ha(e) {
	if (e instanceof Wa) return new Wa(e.h, e.s, e.l, e.opacity);
	e instanceof q || (e = ea(e));
	var t = e.r / 255, n = e.g / 255, r = e.b / 255, i = (Va * r + za * t - Ba * n) / (Va + za - Ba), a = r - i, o = (Ra * (n - i) - Ia * a) / La, s = Math.sqrt(o * o + a * a) / (Ra * i * (1 - i)), c = s ? Math.atan2(o, a) * ha - 120 : NaN;
	return new Wa(c < 0 ? c + 360 : c, s, i, e.opacity);
}
function Ua(e, t, n, r) {
	return arguments.length === 1 ? Ha(e) : new Wa(e, t, n, r ?? 1);
}
function Wa(e, t, n, r) {
	this.h = +e, this.s = +t, this.l = +n, this.opacity = +r;
}
Mi(Wa, Ua, Ni(Pi, {
	brighter(e) {
		return e = e == null ? Ii : Ii ** +e, new Wa(this.h, this.s, this.l * e, this.opacity);
	},
	darker(e) {
		return e = e == null ? Fi : Fi ** +e, new Wa(this.h, this.s, this.l * e, this.opacity);
	},
	rgb() {
		var e = isNaN(this.h) ? 0 : (this.h + 120) * ma, t = +this.l, n = isNaN(this.s) ? 0 : this.s * t * (1 - t), r = Math.cos(e), i = Math.sin(e);
		return new q(255 * (t + n * (Pa * r + Fa * i)), 255 * (t + n * (Ia * r + La * i)), 255 * (t + Ra * r * n), this.opacity);
	}
}));
var Ga = (e) => () => e;
function Ka(e, t) {
	return function(n) {
		return e + n * t;
	};
}
function qa(e, t, n) {
	return e **= +n, t = t ** +n - e, n = 1 / n, function(r) {
		return (e + r * t) ** +n;
	};
}
function Ja(e, t) {
	var n = t - e;
	return n ? Ka(e, n > 180 || n < -180 ? n - 360 * Math.round(n / 360) : n) : Ga(isNaN(e) ? t : e);
}
function Ya(e) {
	return (e = +e) == 1 ? Xa : function(t, n) {
		return n - t ? qa(t, n, e) : Ga(isNaN(t) ? n : t);
	};
}
function Xa(e, t) {
	var n = t - e;
	return n ? Ka(e, n) : Ga(isNaN(e) ? t : e);
}
var Za = (function e(t) {
	var n = Ya(t);
	function r(e, t) {
		var r = n((e = ta(e)).r, (t = ta(t)).r), i = n(e.g, t.g), a = n(e.b, t.b), o = Xa(e.opacity, t.opacity);
		return function(t) {
			return e.r = r(t), e.g = i(t), e.b = a(t), e.opacity = o(t), e + "";
		};
	}
	return r.gamma = e, r;
})(1);
function Qa(e, t) {
	t ||= [];
	var n = e ? Math.min(t.length, e.length) : 0, r = t.slice(), i;
	return function(a) {
		for (i = 0; i < n; ++i) r[i] = e[i] * (1 - a) + t[i] * a;
		return r;
	};
}
function $a(e) {
	return ArrayBuffer.isView(e) && !(e instanceof DataView);
}
function eo(e, t) {
	for (var n = t ? t.length : 0, r = e ? Math.min(n, e.length) : 0, i = Array(r), a = Array(n), o = 0; o < r; ++o) i[o] = lo(e[o], t[o]);
	for (; o < n; ++o) a[o] = t[o];
	return function(e) {
		for (o = 0; o < r; ++o) a[o] = i[o](e);
		return a;
	};
}
function to(e, t) {
	var n = /* @__PURE__ */ new Date();
	return e = +e, t = +t, function(r) {
		return n.setTime(e * (1 - r) + t * r), n;
	};
}
function no(e, t) {
	return e = +e, t = +t, function(n) {
		return e * (1 - n) + t * n;
	};
}
function ro(e, t) {
	var n = {}, r = {}, i;
	for (i in typeof e == "object" && e || (e = {}), typeof t == "object" && t || (t = {}), t) i in e ? n[i] = lo(e[i], t[i]) : r[i] = t[i];
	return function(e) {
		for (i in n) r[i] = n[i](e);
		return r;
	};
}
var io = /[-+]?(?:\d+\.?\d*|\.?\d+)(?:[eE][-+]?\d+)?/g, ao = new RegExp(io.source, "g");
function oo(e) {
	return function() {
		return e;
	};
}
function so(e) {
	return function(t) {
		return e(t) + "";
	};
}
function co(e, t) {
	var n = io.lastIndex = ao.lastIndex = 0, r, i, a, o = -1, s = [], c = [];
	for (e += "", t += ""; (r = io.exec(e)) && (i = ao.exec(t));) (a = i.index) > n && (a = t.slice(n, a), s[o] ? s[o] += a : s[++o] = a), (r = r[0]) === (i = i[0]) ? s[o] ? s[o] += i : s[++o] = i : (s[++o] = null, c.push({
		i: o,
		x: no(r, i)
	})), n = ao.lastIndex;
	return n < t.length && (a = t.slice(n), s[o] ? s[o] += a : s[++o] = a), s.length < 2 ? c[0] ? so(c[0].x) : oo(t) : (t = c.length, function(e) {
		for (var n = 0, r; n < t; ++n) s[(r = c[n]).i] = r.x(e);
		return s.join("");
	});
}
function lo(e, t) {
	var n = typeof t, r;
	return t == null || n === "boolean" ? Ga(t) : (n === "number" ? no : n === "string" ? (r = Zi(t)) ? (t = r, Za) : co : t instanceof Zi ? Za : t instanceof Date ? to : $a(t) ? Qa : Array.isArray(t) ? eo : typeof t.valueOf != "function" && typeof t.toString != "function" || isNaN(t) ? ro : no)(e, t);
}
function uo(e, t) {
	return e = +e, t = +t, function(n) {
		return Math.round(e * (1 - n) + t * n);
	};
}
var fo = 1e-12;
function po(e) {
	return ((e = Math.exp(e)) + 1 / e) / 2;
}
function mo(e) {
	return ((e = Math.exp(e)) - 1 / e) / 2;
}
function ho(e) {
	return ((e = Math.exp(2 * e)) - 1) / (e + 1);
}
(function e(t, n, r) {
	function i(e, i) {
		var a = e[0], o = e[1], s = e[2], c = i[0], l = i[1], u = i[2], d = c - a, f = l - o, p = d * d + f * f, m, h;
		if (p < fo) h = Math.log(u / s) / t, m = function(e) {
			return [
				a + e * d,
				o + e * f,
				s * Math.exp(t * e * h)
			];
		};
		else {
			var g = Math.sqrt(p), _ = (u * u - s * s + r * p) / (2 * s * n * g), v = (u * u - s * s - r * p) / (2 * u * n * g), y = Math.log(Math.sqrt(_ * _ + 1) - _);
			h = (Math.log(Math.sqrt(v * v + 1) - v) - y) / t, m = function(e) {
				var r = e * h, i = po(y), c = s / (n * g) * (i * ho(t * r + y) - mo(y));
				return [
					a + c * d,
					o + c * f,
					s * i / po(t * r + y)
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
function go(e) {
	return (function t(n) {
		n = +n;
		function r(t, r) {
			var i = e((t = Ua(t)).h, (r = Ua(r)).h), a = Xa(t.s, r.s), o = Xa(t.l, r.l), s = Xa(t.opacity, r.opacity);
			return function(e) {
				return t.h = i(e), t.s = a(e), t.l = o(e ** +n), t.opacity = s(e), t + "";
			};
		}
		return r.gamma = t, r;
	})(1);
}
go(Ja), go(Xa);
// node_modules/d3-scale/src/constant.js
function _o(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-scale/src/number.js
function vo(e) {
	return +e;
}
// node_modules/d3-scale/src/continuous.js
var yo = [0, 1];
function bo(e) {
	return e;
}
function xo(e, t) {
	return (t -= e = +e) ? function(n) {
		return (n - e) / t;
	} : _o(isNaN(t) ? NaN : .5);
}
function So(e, t) {
	var n;
	return e > t && (n = e, e = t, t = n), function(n) {
		return Math.max(e, Math.min(t, n));
	};
}
function Co(e, t, n) {
	var r = e[0], i = e[1], a = t[0], o = t[1];
	return i < r ? (r = xo(i, r), a = n(o, a)) : (r = xo(r, i), a = n(a, o)), function(e) {
		return a(r(e));
	};
}
function wo(e, t, n) {
	var r = Math.min(e.length, t.length) - 1, i = Array(r), a = Array(r), o = -1;
	for (e[r] < e[0] && (e = e.slice().reverse(), t = t.slice().reverse()); ++o < r;) i[o] = xo(e[o], e[o + 1]), a[o] = n(t[o], t[o + 1]);
	return function(t) {
		var n = Si(e, t, 1, r) - 1;
		return a[n](i[n](t));
	};
}
function To(e, t) {
	return t.domain(e.domain()).range(e.range()).interpolate(e.interpolate()).clamp(e.clamp()).unknown(e.unknown());
}
function Eo() {
	var e = yo, t = yo, n = lo, r, i, a, o = bo, s, c, l;
	function u() {
		var n = Math.min(e.length, t.length);
		return o !== bo && (o = So(e[0], e[n - 1])), s = n > 2 ? wo : Co, c = l = null, d;
	}
	function d(i) {
		return i == null || isNaN(i = +i) ? a : (c ||= s(e.map(r), t, n))(r(o(i)));
	}
	return d.invert = function(n) {
		return o(i((l ||= s(t, e.map(r), no))(n)));
	}, d.domain = function(t) {
		return arguments.length ? (e = Array.from(t, vo), u()) : e.slice();
	}, d.range = function(e) {
		return arguments.length ? (t = Array.from(e), u()) : t.slice();
	}, d.rangeRound = function(e) {
		return t = Array.from(e), n = uo, u();
	}, d.clamp = function(e) {
		return arguments.length ? (o = e ? !0 : bo, u()) : o !== bo;
	}, d.interpolate = function(e) {
		return arguments.length ? (n = e, u()) : n;
	}, d.unknown = function(e) {
		return arguments.length ? (a = e, d) : a;
	}, function(e, t) {
		return r = e, i = t, u();
	};
}
function Do() {
	return Eo()(bo, bo);
}
// node_modules/d3-format/dist/d3-format.mjs
function Oo(e) {
	return Math.abs(e = Math.round(e)) >= 1e21 ? e.toLocaleString("en").replace(/,/g, "") : e.toString(10);
}
function ko(e, t) {
	if (!isFinite(e) || e === 0) return null;
	var n = (e = t ? e.toExponential(t - 1) : e.toExponential()).indexOf("e"), r = e.slice(0, n);
	return [r.length > 1 ? r[0] + r.slice(2) : r, +e.slice(n + 1)];
}
function Ao(e) {
	return e = ko(Math.abs(e)), e ? e[1] : NaN;
}
function jo(e, t) {
	return function(n, r) {
		for (var i = n.length, a = [], o = 0, s = e[0], c = 0; i > 0 && s > 0 && (c + s + 1 > r && (s = Math.max(1, r - c)), a.push(n.substring(i -= s, i + s)), !((c += s + 1) > r));) s = e[o = (o + 1) % e.length];
		return a.reverse().join(t);
	};
}
function Mo(e) {
	return function(t) {
		return t.replace(/[0-9]/g, function(t) {
			return e[+t];
		});
	};
}
var No = /^(?:(.)?([<>=^]))?([+\-( ])?([$#])?(0)?(\d+)?(,)?(\.\d+)?(~)?([a-z%])?$/i;
function Po(e) {
	if (!(t = No.exec(e))) throw Error("invalid format: " + e);
	var t;
	return new Fo({
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
Po.prototype = Fo.prototype;
function Fo(e) {
	this.fill = e.fill === void 0 ? " " : e.fill + "", this.align = e.align === void 0 ? ">" : e.align + "", this.sign = e.sign === void 0 ? "-" : e.sign + "", this.symbol = e.symbol === void 0 ? "" : e.symbol + "", this.zero = !!e.zero, this.width = e.width === void 0 ? void 0 : +e.width, this.comma = !!e.comma, this.precision = e.precision === void 0 ? void 0 : +e.precision, this.trim = !!e.trim, this.type = e.type === void 0 ? "" : e.type + "";
}
Fo.prototype.toString = function() {
	return this.fill + this.align + this.sign + this.symbol + (this.zero ? "0" : "") + (this.width === void 0 ? "" : Math.max(1, this.width | 0)) + (this.comma ? "," : "") + (this.precision === void 0 ? "" : "." + Math.max(0, this.precision | 0)) + (this.trim ? "~" : "") + this.type;
};
function Io(e) {
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
var Lo;
function Ro(e, t) {
	var n = ko(e, t);
	if (!n) return Lo = void 0, e.toPrecision(t);
	var r = n[0], i = n[1], a = i - (Lo = Math.max(-8, Math.min(8, Math.floor(i / 3))) * 3) + 1, o = r.length;
	return a === o ? r : a > o ? r + Array(a - o + 1).join("0") : a > 0 ? r.slice(0, a) + "." + r.slice(a) : "0." + Array(1 - a).join("0") + ko(e, Math.max(0, t + a - 1))[0];
}
function zo(e, t) {
	var n = ko(e, t);
	if (!n) return e + "";
	var r = n[0], i = n[1];
	return i < 0 ? "0." + Array(-i).join("0") + r : r.length > i + 1 ? r.slice(0, i + 1) + "." + r.slice(i + 1) : r + Array(i - r.length + 2).join("0");
}
var Bo = {
	"%": (e, t) => (e * 100).toFixed(t),
	b: (e) => Math.round(e).toString(2),
	c: (e) => e + "",
	d: Oo,
	e: (e, t) => e.toExponential(t),
	f: (e, t) => e.toFixed(t),
	g: (e, t) => e.toPrecision(t),
	o: (e) => Math.round(e).toString(8),
	p: (e, t) => zo(e * 100, t),
	r: zo,
	s: Ro,
	X: (e) => Math.round(e).toString(16).toUpperCase(),
	x: (e) => Math.round(e).toString(16)
};
function Vo(e) {
	return e;
}
var Ho = Array.prototype.map, Uo = [
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
function Wo(e) {
	var t = e.grouping === void 0 || e.thousands === void 0 ? Vo : jo(Ho.call(e.grouping, Number), e.thousands + ""), n = e.currency === void 0 ? "" : e.currency[0] + "", r = e.currency === void 0 ? "" : e.currency[1] + "", i = e.decimal === void 0 ? "." : e.decimal + "", a = e.numerals === void 0 ? Vo : Mo(Ho.call(e.numerals, String)), o = e.percent === void 0 ? "%" : e.percent + "", s = e.minus === void 0 ? "−" : e.minus + "", c = e.nan === void 0 ? "NaN" : e.nan + "";
	function l(e, l) {
		e = Po(e);
		var u = e.fill, d = e.align, f = e.sign, p = e.symbol, m = e.zero, h = e.width, g = e.comma, _ = e.precision, v = e.trim, y = e.type;
		y === "n" ? (g = !0, y = "g") : Bo[y] || (_ === void 0 && (_ = 12), v = !0, y = "g"), (m || u === "0" && d === "=") && (m = !0, u = "0", d = "=");
		var b = (l && l.prefix !== void 0 ? l.prefix : "") + (p === "$" ? n : p === "#" && /[boxX]/.test(y) ? "0" + y.toLowerCase() : ""), x = (p === "$" ? r : /[%p]/.test(y) ? o : "") + (l && l.suffix !== void 0 ? l.suffix : ""), S = Bo[y], ee = /[defgprs%]/.test(y);
		_ = _ === void 0 ? 6 : /[gprs]/.test(y) ? Math.max(1, Math.min(21, _)) : Math.max(0, Math.min(20, _));
		function C(e) {
			var n = b, r = x, o, l, p;
			if (y === "c") r = S(e) + r, e = "";
			else {
				e = +e;
				var C = e < 0 || 1 / e < 0;
				if (e = isNaN(e) ? c : S(Math.abs(e), _), v && (e = Io(e)), C && +e == 0 && f !== "+" && (C = !1), n = (C ? f === "(" ? f : s : f === "-" || f === "(" ? "" : f) + n, r = (y === "s" && !isNaN(e) && Lo !== void 0 ? Uo[8 + Lo / 3] : "") + r + (C && f === "(" ? ")" : ""), ee) {
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
		var n = Math.max(-8, Math.min(8, Math.floor(Ao(t) / 3))) * 3, r = 10 ** -n, i = l((e = Po(e), e.type = "f", e), { suffix: Uo[8 + n / 3] });
		return function(e) {
			return i(r * e);
		};
	}
	return {
		format: l,
		formatPrefix: u
	};
}
var Go, Ko, qo;
Jo({
	thousands: ",",
	grouping: [3],
	currency: ["$", ""]
});
function Jo(e) {
	return Go = Wo(e), Ko = Go.format, qo = Go.formatPrefix, Go;
}
function Yo(e) {
	return Math.max(0, -Ao(Math.abs(e)));
}
function Xo(e, t) {
	return Math.max(0, Math.max(-8, Math.min(8, Math.floor(Ao(t) / 3))) * 3 - Ao(Math.abs(e)));
}
function Zo(e, t) {
	return e = Math.abs(e), t = Math.abs(t) - e, Math.max(0, Ao(t) - Ao(e)) + 1;
}
// node_modules/d3-scale/src/tickFormat.js
function Qo(e, t, n, r) {
	var i = Ai(e, t, n), a;
	switch (r = Po(r ?? ",f"), r.type) {
		case "s":
			var o = Math.max(Math.abs(e), Math.abs(t));
			return r.precision == null && !isNaN(a = Xo(i, o)) && (r.precision = a), qo(r, o);
		case "":
		case "e":
		case "g":
		case "p":
		case "r":
			r.precision == null && !isNaN(a = Zo(i, Math.max(Math.abs(e), Math.abs(t)))) && (r.precision = a - (r.type === "e"));
			break;
		case "f":
		case "%": r.precision == null && !isNaN(a = Yo(i)) && (r.precision = a - (r.type === "%") * 2);
	}
	return Ko(r);
}
// node_modules/d3-scale/src/linear.js
function $o(e) {
	var t = e.domain;
	return e.ticks = function(e) {
		var n = t();
		return Oi(n[0], n[n.length - 1], e ?? 10);
	}, e.tickFormat = function(e, n) {
		var r = t();
		return Qo(r[0], r[r.length - 1], e ?? 10, n);
	}, e.nice = function(n) {
		n ??= 10;
		var r = t(), i = 0, a = r.length - 1, o = r[i], s = r[a], c, l, u = 10;
		for (s < o && (l = o, o = s, s = l, l = i, i = a, a = l); u-- > 0;) {
			if (l = ki(o, s, n), l === c) return r[i] = o, r[a] = s, t(r);
			if (l > 0) o = Math.floor(o / l) * l, s = Math.ceil(s / l) * l;
			else if (l < 0) o = Math.ceil(o * l) / l, s = Math.floor(s * l) / l;
			else break;
			c = l;
		}
		return e;
	}, e;
}
function es() {
	var e = Do();
	return e.copy = function() {
		return To(e, es());
	}, ji.apply(e, arguments), $o(e);
}
// node_modules/d3-scale/src/nice.js
function ts(e, t) {
	e = e.slice();
	var n = 0, r = e.length - 1, i = e[n], a = e[r], o;
	return a < i && (o = n, n = r, r = o, o = i, i = a, a = o), e[n] = t.floor(i), e[r] = t.ceil(a), e;
}
// node_modules/d3-scale/src/log.js
function ns(e) {
	return Math.log(e);
}
function rs(e) {
	return Math.exp(e);
}
function is(e) {
	return -Math.log(-e);
}
function as(e) {
	return -Math.exp(-e);
}
function os(e) {
	return isFinite(e) ? +("1e" + e) : e < 0 ? 0 : e;
}
function ss(e) {
	return e === 10 ? os : e === Math.E ? Math.exp : (t) => e ** +t;
}
function cs(e) {
	return e === Math.E ? Math.log : e === 10 && Math.log10 || e === 2 && Math.log2 || (e = Math.log(e), (t) => Math.log(t) / e);
}
function ls(e) {
	return (t, n) => -e(-t, n);
}
function us(e) {
	let t = e(ns, rs), n = t.domain, r = 10, i, a;
	function o() {
		return i = cs(r), a = ss(r), n()[0] < 0 ? (i = ls(i), a = ls(a), e(is, as)) : e(ns, rs), t;
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
			m.length * 2 < p && (m = Oi(o, s, p));
		} else m = Oi(l, u, Math.min(u - l, p)).map(a);
		return c ? m.reverse() : m;
	}, t.tickFormat = (e, n) => {
		if (e ??= 10, n ??= r === 10 ? "s" : ",", typeof n != "function" && (!(r % 1) && (n = Po(n)).precision == null && (n.trim = !0), n = Ko(n)), e === Infinity) return n;
		let o = Math.max(1, r * e / t.ticks().length);
		return (e) => {
			let t = e / a(Math.round(i(e)));
			return t * r < r - .5 && (t *= r), t <= o ? n(e) : "";
		};
	}, t.nice = () => n(ts(n(), {
		floor: (e) => a(Math.floor(i(e))),
		ceil: (e) => a(Math.ceil(i(e)))
	})), t;
}
function ds() {
	let e = us(Eo()).domain([1, 10]);
	return e.copy = () => To(e, ds()).base(e.base()), ji.apply(e, arguments), e;
}
// node_modules/d3-shape/src/constant.js
function X(e) {
	return function() {
		return e;
	};
}
// node_modules/d3-path/dist/d3-path.mjs
var fs = Math.PI, ps = 2 * fs, ms = 1e-6, hs = ps - ms;
function gs(e) {
	this._ += e[0];
	for (let t = 1, n = e.length; t < n; ++t) this._ += arguments[t] + e[t];
}
function _s(e) {
	let t = Math.floor(e);
	if (!(t >= 0)) throw Error(`invalid digits: ${e}`);
	if (t > 15) return gs;
	let n = 10 ** t;
	return function(e) {
		this._ += e[0];
		for (let t = 1, r = e.length; t < r; ++t) this._ += Math.round(arguments[t] * n) / n + e[t];
	};
}
function vs(e, t, n, r) {
	return e === n && t === r;
}
function ys(e) {
	let t = Math.floor(e);
	if (!(t <= 15)) return vs;
	let n = 10 ** t, r = function(e) {
		return Math.round(e * n);
	};
	return function(e, t, n, i) {
		return r(e) === r(n) && r(t) === r(i);
	};
}
var bs = class {
	constructor(e) {
		this._x0 = this._y0 = this._x1 = this._y1 = null, this._ = "", this._append = e == null ? gs : _s(e), this._equal = e == null ? vs : ys(e);
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
		else if (d > ms) {
			if (!(Math.abs(u * s - c * l) > ms) || !i) this._append`L${this._x1 = e},${this._y1 = t}`;
			else {
				let f = n - a, p = r - o, m = s * s + c * c, h = f * f + p * p, g = Math.sqrt(m), _ = Math.sqrt(d), v = i * Math.tan((fs - Math.acos((m + d - h) / (2 * g * _))) / 2), y = v / _, b = v / g;
				Math.abs(y - 1) > ms && this._append`L${e + y * l},${t + y * u}`, this._append`A${i},${i},0,0,${+(u * f > l * p)},${this._x1 = e + b * s},${this._y1 = t + b * c}`;
			}
		}
	}
	arc(e, t, n, r, i, a) {
		if (e = +e, t = +t, n = +n, a = !!a, n < 0) throw Error(`negative radius: ${n}`);
		let o = n * Math.cos(r), s = n * Math.sin(r), c = e + o, l = t + s, u = 1 ^ a, d = a ? r - i : i - r;
		if (this._x1 === null ? this._append`M${c},${l}` : (Math.abs(this._x1 - c) > ms || Math.abs(this._y1 - l) > ms) && this._append`L${c},${l}`, n) {
			if (d < 0 && (d = d % ps + ps), d > hs) this._append`A${n},${n},0,1,${u},${e - o},${t - s}A${n},${n},0,1,${u},${this._x1 = c},${this._y1 = l}`;
			else if (d > ms) {
				let a = e + n * Math.cos(i), o = t + n * Math.sin(i);
				if (d >= fs && this._equal(c, l, a, o)) {
					d /= 2;
					let i = r + d;
					this._append`A${n},${n},0,${+(d >= fs)},${u},${e + n * Math.cos(i)},${t + n * Math.sin(i)}`;
				}
				this._append`A${n},${n},0,${+(d >= fs)},${u},${this._x1 = a},${this._y1 = o}`;
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
bs.prototype;
// node_modules/d3-shape/src/path.js
function xs(e) {
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
	}, () => new bs(t);
}
Array.prototype.slice;
function Ss(e) {
	return typeof e == "object" && "length" in e ? e : Array.from(e);
}
// node_modules/d3-shape/src/curve/linear.js
function Cs(e) {
	this._context = e;
}
Cs.prototype = {
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
function ws(e) {
	return new Cs(e);
}
// node_modules/d3-shape/src/point.js
function Ts(e) {
	return e[0];
}
function Es(e) {
	return e[1];
}
// node_modules/d3-shape/src/line.js
function Ds(e, t) {
	var n = X(!0), r = null, i = ws, a = null, o = xs(s);
	e = typeof e == "function" ? e : e === void 0 ? Ts : X(e), t = typeof t == "function" ? t : t === void 0 ? Es : X(t);
	function s(s) {
		var c, l = (s = Ss(s)).length, u, d = !1, f;
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
function Os(e, t, n) {
	var r = null, i = X(!0), a = null, o = ws, s = null, c = xs(l);
	e = typeof e == "function" ? e : e === void 0 ? Ts : X(+e), t = typeof t == "function" ? t : X(t === void 0 ? 0 : +t), n = typeof n == "function" ? n : n === void 0 ? Es : X(+n);
	function l(l) {
		var u, d, f, p = (l = Ss(l)).length, m, h = !1, g, _ = Array(p), v = Array(p);
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
		return Ds().defined(i).curve(o).context(a);
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
function ks(e = 240) {
	let t = v("title"), n = v("g"), r = v("svg", {
		viewBox: `0 0 640 ${e}`,
		class: "chart line-chart",
		role: "img"
	}, t, n), i = 640, a = null, o = Sr(r, e, (e) => {
		i = e, a && s(a);
	});
	function s(r) {
		a = r;
		let o = r.series.flatMap((e) => e.points);
		if (o.length === 0) {
			x(n);
			return;
		}
		let [s, c] = Ns(Ci(o, (e) => e.x), 0), [l, u] = Ns(Ci(o.flatMap((e) => [
			e.y,
			e.low ?? e.y,
			e.high ?? e.y
		])), .06), d = es([s, c], [Z.left, i - Z.right]), f = es([r.yFrom ?? l, r.yTo ?? u], [e - Z.bottom, Z.top]), p = r.ticks ?? d.ticks(Math.max(3, Math.round(i / 90))).filter((e) => !r.whole || Number.isInteger(e)).map((e) => [e, F(e)]);
		S(t, `${r.title}. ${r.series.filter((e) => !e.thin).map(Ms).join(". ")}`), x(n, r.region ? v("rect", {
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
		}, F(e))]), ...p.map(([t, n]) => v("text", {
			x: d(t),
			y: e - Z.bottom + 16,
			"text-anchor": "middle"
		}, n)), r.mark === void 0 ? null : v("line", {
			class: "cut",
			x1: d(r.mark),
			x2: d(r.mark),
			y1: Z.top,
			y2: e - Z.bottom
		}), ...r.series.map((e) => As(e, d, f)), v("text", {
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
function As(e, t, n) {
	let r = e.points.filter((e) => e.low !== void 0), i = Ds().x((e) => t(e.x)).y((e) => n(e.y)), a = Os().x((e) => t(e.x)).y0((e) => n(e.low)).y1((e) => n(e.high));
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
	}, v("title", {}, js(e, r)))));
}
function js(e, t) {
	let n = t.low === void 0 ? "" : ` (${F(t.low)} to ${F(t.high)})`;
	return `${e.name} at ${F(t.x)}: ${F(t.y)}${n}`;
}
function Ms(e) {
	let t = Math.ceil(e.points.length / 30);
	return `${e.name}: ${e.points.filter((e, n) => n % t === 0).map((e) => `${F(e.x)}: ${F(e.y)}`).join(", ")}`;
}
function Ns([e, t], n) {
	let r = t === e ? Math.abs(e) * .1 || 1 : (t - e) * n;
	return [e - r, t + r];
}
// src/views/distil.ts
var Ps = {
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
}, Fs = "hard_equal_time";
function Is(e, t) {
	let { state: n } = t, r = ks(260), i = Us(e), a = _("span", { class: "legend" }), o = _("fieldset", { class: "choices" }, _("legend", {}, "Draw it against"), ...["steps", "seconds"].map((e) => _("label", {}, _("input", {
		type: "radio",
		name: "against",
		value: e,
		checked: (n.get("against") ?? "steps") === e,
		onchange: () => {
			n.set("against", e), s();
		}
	}), ` ${e}`)));
	function s() {
		let t = n.get("against") === "seconds", i = Object.entries(e.arms).filter(([e]) => t || e !== Fs);
		x(a, ...i.map(([e]) => _("span", { class: `key key-${Ps[e]?.ink ?? "good"}` }, Ps[e]?.words ?? e)));
		let o = i.flatMap(([e, n]) => {
			let { words: r, ink: i, dashed: a } = Ps[e] ?? {
				words: e,
				ink: "good"
			}, o = n.map((e) => e.curve.map(([e, n, r]) => ({
				x: t ? n : e,
				y: r
			}))), s = {
				ink: i,
				...a && { dashed: a }
			}, c = t || e === Fs ? null : Ls(o);
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
		}, _("h2", { class: "verdict" }, e.verdict ? zs[e.verdict] : e.stopped ? "Stopped before a verdict" : "Training …"), e.verdict_reason ? _("p", {}, e.verdict_reason) : _("p", { class: "meta" }, Rs(e)), e.verdict_equal_time_reason && e.arms[Fs] ? _("p", { class: "meta equal-time" }, `At the same wall-clock time: ${e.verdict_equal_time}. ${e.verdict_equal_time_reason}`) : null, e.difference_test ? Yn([
			{
				name: "test loss, hard minus soft",
				unit: "nats per token, same steps",
				term: "paired-difference",
				value: _("b", {}, Bs(e.difference_test))
			},
			...e.difference_equal_time_test ? [{
				name: "the same, in equal time",
				unit: "nats per token",
				term: "equal-time",
				value: _("b", {}, Bs(e.difference_equal_time_test))
			}] : [],
			{
				name: "seeds",
				unit: "pairs of students",
				term: "seed",
				value: _("b", {}, R(e.difference_test.seeds.length))
			}
		]) : null), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Loss while training "), V("held-out-loss"), " ", a, o), r.element), i ? _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Loss of the control minus loss of the distilled student "), V("paired-difference"), " ", _("small", {}, "Nats per token on held-out text. Right of 0 distilling gave the better student. Small dots are seeds, the large one is their mean, the bar its 95% interval.")), i.element) : null, Object.keys(e.arms).length > 0 ? _("section", {
			class: "card scroll",
			tabindex: 0,
			"aria-label": "Students"
		}, Ws(e)) : null),
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
function Ls(e) {
	return e.length === 0 ? null : e[0].flatMap(({ x: t }) => {
		let n = e.map((e) => e.find((e) => e.x === t));
		return n.some((e) => e === void 0) ? [] : [{
			x: t,
			y: n.reduce((e, t) => e + t.y, 0) / e.length
		}];
	});
}
function Rs({ arms: e, stopped: t }) {
	let n = Object.values(e).flat().sort((e, t) => e.seed - t.seed).at(-1);
	return t ? n ? `The last measurement: ${Ps[n.arm]?.words ?? n.arm}, seed ${n.seed}, step ${n.steps}.` : "Nothing was measured yet." : n ? "The verdict comes with the last seed." : "The teacher and the text are being prepared; the first points of the curves come after that.";
}
var zs = {
	helps: "Distilling helps",
	"does not help": "Distilling does not help",
	"cannot tell": "Cannot tell yet whether distilling helps",
	"no control": "No control, so no verdict"
};
function Bs(e, t = 4) {
	return `${Fn(e.mean, t)}${e.ci ? ` (${Vn(e.ci, t)})` : ""}`;
}
var Vs = 44, Hs = 46;
function Us(e) {
	let t = [
		["same steps, validation", e.difference],
		["same steps, test", e.difference_test],
		["same time, validation", e.difference_equal_time],
		["same time, test", e.difference_equal_time_test]
	].filter((e) => !!e[1]);
	if (t.length === 0) return null;
	let n = t.length * Vs + Hs, r = t.flatMap(([, e]) => [
		...e.per_seed,
		e.mean,
		...e.ci ?? [],
		0
	]), [i, a] = [Math.min(...r), Math.max(...r)], o = (a - i || .01) * .08, s = v("title"), c = v("g"), l = v("svg", {
		viewBox: `0 0 640 ${n}`,
		class: "chart difference-chart",
		role: "img"
	}, s, c);
	return S(s, t.map(([e, t]) => `${e}: ${Bs(t)} nats per token`).join("; ")), {
		element: l,
		close: Sr(l, n, (e) => {
			let r = e < 420 ? 2 : 4, s = es([i - o, a + o], [12, e - 24]);
			x(c, ...s.ticks(Math.max(3, Math.round(e / 120))).flatMap((e) => [v("line", {
				class: "grid",
				x1: s(e),
				x2: s(e),
				y1: 4,
				y2: n - Hs + 6
			}), v("text", {
				x: s(e),
				y: n - Hs + 20,
				"text-anchor": "middle"
			}, Fn(e, 2))]), v("line", {
				class: "cut",
				x1: s(0),
				x2: s(0),
				y1: 4,
				y2: n - Hs + 6
			}), v("text", {
				x: 2,
				y: n - 6
			}, "← hard labels better"), v("text", {
				x: e - 4,
				y: n - 6,
				"text-anchor": "end"
			}, "distilled better →"), ...t.map(([e, t], n) => {
				let i = n * Vs + 30;
				return v("g", { class: "ink-accent" }, v("text", {
					class: "row-label",
					x: 12,
					y: i - 14
				}, `${e}: ${Bs(t, r)}`), t.ci ? v("line", {
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
function Ws(e) {
	return _("table", { class: "plain-table numeric" }, _("caption", {}, "Every student: its loss on held-out text in nats per token, and what its training cost"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "trained on ", V("control")), ...[
		["seed", "seed"],
		["validation", "held-out-loss"],
		["test", "held-out-loss"],
		["seconds", "equal-time"],
		["tokens", "token"],
		["steps", "step"]
	].map(([e, t]) => _("th", {
		scope: "col",
		class: e === "tokens" ? "wide-only" : ""
	}, `${e} `, V(t))))), _("tbody", {}, ...Object.entries(e.arms).flatMap(([e, t]) => t.map((t) => _("tr", {}, _("th", { scope: "row" }, Ps[e]?.words ?? e), _("td", { class: "figure" }, String(t.seed)), _("td", { class: "figure" }, I(t.val_nll, 4)), _("td", { class: "figure" }, I(t.test_nll, 4)), _("td", { class: "figure" }, I(t.seconds, 1)), _("td", { class: "figure wide-only" }, Number.isNaN(t.tokens) ? "–" : R(t.tokens)), _("td", { class: "figure" }, R(t.steps)))))));
}
function Gs(e, t) {
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
var Ks = 3;
function qs(e, t) {
	let n = C("tau"), r = (t) => e.meaning?.(t) ?? "", i = _("input", {
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
		element: _("div", { class: "tau-box" }, _("div", { class: "tau-head" }, _("span", { class: "tau-name" }, _("label", { for: n }, e.label), " ", V(e.term)), _("span", {}, o, " ", a)), _("div", { class: "tau-row" }, l(-1), _("div", { class: "tau-scale" }, i, _("div", {
			class: "tau-ends",
			"aria-hidden": "true"
		}, ...s)), l(1))),
		show(t, n = r(t)) {
			i.value = String(t), i.setAttribute("aria-valuetext", [`${e.label} ${e.write(t)}`, n].filter((e) => e !== "").join(", ")), S(a, e.write(t)), S(o, r(t));
		}
	};
}
function Js(e) {
	return qs({
		label: "temperature τ",
		term: "temperature",
		min: 0,
		max: Ks,
		step: .01,
		nudge: .1,
		write: z,
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
var Ys = 22, Xs = 40, Q = {
	left: 30,
	right: 8,
	top: 22,
	bottom: 34
}, Zs = 7.4;
function Qs(e, t) {
	let { leaves: n } = e, r = n[0].temperature_low, i = n.at(-1).temperature_high, { state: a } = t, o = -1, s = qs({
		label: "temperature τ",
		term: "temperature",
		min: r,
		max: i,
		step: "any",
		write: z,
		onKey: h,
		marks: [[r, z(r)], [i, z(i)]]
	}, g), c = _("p", {
		class: "tokens path-text",
		dir: "auto"
	}), [l, u, d, f] = [
		_("b"),
		_("b"),
		_("b"),
		_("b")
	], p = ac(e, r, i, (e) => g(e)), m = (e) => {
		let t = n[Math.min(n.length - 1, Math.max(0, o + e))];
		g(ec(t));
	};
	function h(e) {
		let t = {
			PageUp: 1,
			PageDown: -1
		}[e.key];
		t !== void 0 && (e.preventDefault(), m(t));
	}
	function g(e) {
		a.set("tau", z(e)), v(e);
	}
	function v(t) {
		let r = tc(n, t), i = n[r];
		s.show(t, i.text), p.show(t, r);
		let a = t < i.temperature_low || t > i.temperature_high;
		if (S(l, `${rc(i)}${a ? " (the nearest listed temperature)" : ""}`), S(u, `${R(r + 1)} of ${R(n.length)}`), S(d, nc[i.finish_reason] ?? i.finish_reason), S(f, zn(i.logprob_raw)), r === o) return;
		let m = n[o]?.ids;
		o = r, x(c, ...e.tokens[r].map((e, t) => {
			let n = H(e);
			return m && m[t] !== i.ids[t] && n.classList.add("changed"), n;
		}));
	}
	let y = a.listen((e) => e === "tau" && a.get("tau") !== void 0 && v(Number(a.get("tau"))));
	v(Math.min(i, Math.max(r, Number(a.get("tau") ?? Math.min(i, Math.max(r, .7))) || 0)));
	let b = n.reduce((e, t) => e + t.temperatures.length, 0);
	return {
		element: _("div", { class: "path" }, _("div", { class: "prompt" }, _("p", { class: "meta" }, `${e.model}, seed ${e.seed}, after “${e.prompt}”`), e.note ? _("p", { class: "note" }, e.note) : null, $s(e)), _("div", { class: "card path-slider" }, s.element, _("div", { class: "steps" }, _("button", {
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
		}, c, Yn([
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
		], "measures path-facts")), _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, `${n.length} different texts at ${b} temperatures `), V("path"), " ", _("small", {}, `Each column is a text, each row one token of it; a click goes there. It took ${R(e.forward_passes)} forward passes instead of ${R(e.independent_passes)}. `), V("forward-pass")), p.element), _("details", { class: "card" }, _("summary", {}, "All texts as a table"), sc(e))),
		close: () => {
			y(), p.close();
		},
		download: {
			name: "retort-path",
			json: () => e,
			csv: () => cc(e),
			svg: () => p.element
		}
	};
}
function $s(e) {
	return e.stages?.length ? _("ol", {
		class: "path-stages",
		"aria-label": "Stages of the chain along the path"
	}, ...e.stages.map(({ stage: e, applies: t, why: n }) => _("li", { class: t ? "" : "set-aside" }, _("code", {}, e), " ", _("small", {}, `${t ? "applies" : "does not apply:"} ${n}`)))) : null;
}
function ec(e) {
	return (e.temperature_low + e.temperature_high) / 2;
}
function tc(e, t) {
	let n = 0, r = Infinity;
	return e.forEach((e, i) => {
		let a = Math.max(e.temperature_low - t, t - e.temperature_high, 0);
		a < r && ([n, r] = [i, a]);
	}), n;
}
var nc = {
	end: "the model’s end token",
	length: "the longest text asked for",
	stop: "a stop text"
};
function rc(e) {
	return e.temperature_low === e.temperature_high ? `τ = ${z(e.temperature_low)}` : `τ = ${z(e.temperature_low)} to ${z(e.temperature_high)}`;
}
function ic(e) {
	let { leaves: t } = e, n = [], r = Math.min(Xs, Math.max(...t.map((e) => e.ids.length)));
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
function ac(e, t, n, r) {
	let i = ic(e), a = 1 + Math.max(...i.map((e) => e.row)), o = Q.top + a * Ys + Q.bottom, s = es([t, n === t ? t + 1 : n], [Q.left, 640 - Q.right]), c = v("g"), l = v("g", {
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
	let m = Sr(f, o, (e) => {
		s.range([Q.left, e - Q.right]), x(c, ...i.map((e) => oc(e, s))), x(l, ...s.ticks(Math.max(3, Math.round(e / 90))).flatMap((e) => [v("line", {
			class: "grid",
			x1: s(e),
			x2: s(e),
			y1: o - Q.bottom,
			y2: o - Q.bottom + 5
		}), v("text", {
			x: s(e),
			y: o - Q.bottom + 18,
			"text-anchor": e === t ? "start" : e === n ? "end" : "middle"
		}, z(e))]), v("text", {
			x: e - Q.right,
			y: o - 2,
			"text-anchor": "end"
		}, "temperature τ →"), v("text", {
			x: 2,
			y: 12
		}, "place of the token in the text ↓"), ...Array.from({ length: a }, (e, t) => t).filter((e) => e === 0 || e % 5 == 4).map((e) => v("text", {
			x: Q.left - 6,
			y: Q.top + e * Ys + 15,
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
function oc(e, t) {
	let n = t(e.from), r = Math.max(1.5, t(e.to) - n), i = or(e.token), a = Math.floor((r - 6) / Zs);
	return v("g", { class: "band" }, v("rect", {
		x: n,
		y: Q.top + e.row * Ys + 1,
		width: r,
		height: 20,
		rx: Math.min(3, r / 3)
	}), a >= Math.min(i.length, 2) ? v("text", {
		x: n + 4,
		y: Q.top + e.row * Ys + 15
	}, i.length > a ? `${i.slice(0, a - 1)}…` : i) : null);
}
function sc(e) {
	return _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "All texts"
	}, _("table", { class: "plain-table" }, _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "τ from ", V("path")), _("th", { scope: "col" }, "to ", V("path")), _("th", { scope: "col" }, "text"), _("th", { scope: "col" }, "ended by"), _("th", { scope: "col" }, "logprob, raw (nats) ", V("logprob")))), _("tbody", {}, ...e.leaves.map((t, n) => _("tr", {}, _("td", { class: "figure" }, z(t.temperature_low)), _("td", { class: "figure" }, z(t.temperature_high)), _("td", { dir: "auto" }, ...e.tokens[n].map(H)), _("td", {}, nc[t.finish_reason] ?? t.finish_reason), _("td", { class: "figure" }, I(t.logprob_raw)))))));
}
function cc(e) {
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
var lc = 260, $ = {
	left: 52,
	right: 14,
	top: 26,
	bottom: 34
}, uc = 1e-10, dc = 240;
function fc({ tokens: e, seen: t, raw: n }) {
	let r = ds([1, Math.max(e, 2)], [$.left, 640]), i = ds([uc, 1], [lc - $.bottom, $.top]).clamp(!0), a = v("title", {}), o = v("g", {
		class: "axes",
		"aria-hidden": "true"
	}), s = v("g"), c = null, l = null, u = gc(e), d = v("svg", {
		viewBox: `0 0 640 ${lc}`,
		class: `chart rank-chart${N(n) ? "" : " range-chart"}`,
		role: "img"
	}, a, o, s), f = Sr(d, lc, (t) => {
		r.range([$.left, t - $.right]), x(o, ...mc(e, r, i, t)), l = null, p(c);
	});
	function p(e) {
		c = e, l ??= N(n) ? m(n.raw, "raw") : h(n, "raw", -2);
		let t = e === null ? null : N(e) ? m(e.processed, "processed") : h(e, "processed", 2);
		x(s, ...l.marks, ...t?.marks ?? [], ...e === null ? [] : pc(e, r)), S(a, `Probability against rank. Raw: ${l.said}. Processed: ${t?.said ?? "not decided by the known tokens"}.`);
	}
	function m(e, t) {
		let n = (t) => [r(t + 1), i(Math.exp(Ge(e, t)))], a = (t) => We(e, t) && Ge(e, t) >= Math.log(uc), o = u.filter(a).map(n), s = D(e, e.to - 1);
		P(e) > 1 && a(s) && o.push(n(s)), o.sort((e, t) => e[0] - t[0]);
		let c = Os().x((e) => e[0]).y1((e) => e[1]).y0(i(uc))(o) ?? "";
		return {
			marks: [...t === "raw" ? [] : [v("path", {
				class: "area-kept",
				d: c
			})], v("path", {
				class: `line-${t}`,
				d: Ds()(o) ?? ""
			})],
			said: `${R(P(e))} tokens, from ${F(Math.exp(Ge(e, D(e, e.from))))} down to ${F(Math.exp(Ge(e, s)))}`
		};
	}
	function h(n, a, o) {
		let s = Array.from({ length: t }, (e, t) => n.prob(t)), c = s.flatMap(({ low: e, high: t }, n) => {
			if (t <= uc) return [];
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
			said: `the first ${B(s[0], L)}, all ${R(e - t)} unknown ones ${B(n.unseen, L)}`
		};
	}
	function g({ unseen: n, largestUnseen: a }) {
		if (n.high <= 0 || e <= t) return "";
		let o = Array.from({ length: dc / 4 }, (n, r) => t + (e - t) ** (r / (dc / 4 - 1))).map((e) => [r(e), i(Math.max(Math.min(a, n.high / Math.max(e - t, 1)), uc))]);
		return Os().x((e) => e[0]).y1((e) => e[1]).y0(i(uc))(o) ?? "";
	}
	return {
		element: d,
		draw: p,
		close: f
	};
}
function pc(e, t) {
	return e.stages.filter(({ removed: e, before: t, after: n }) => e > 0 && t && n && n.order === void 0 && n.to < t.to).map((e, n) => {
		let r = t(e.after.to + .5), i = r > t.range()[1] * .75;
		return v("g", {}, v("line", {
			class: "cut",
			x1: r,
			x2: r,
			y1: $.top,
			y2: lc - $.bottom
		}), v("text", {
			class: "cut-label",
			x: r + (i ? -4 : 4),
			y: $.top + 10 + 13 * n,
			"text-anchor": i ? "end" : "start"
		}, A(e.stage)));
	});
}
function mc(e, t, n, r) {
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
			y: lc - $.bottom + 15,
			"text-anchor": e === 1 ? "start" : t(e) > r - $.right - 24 ? "end" : "middle"
		}, R(e))),
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
		}, e === 1 ? "1" : `10${hc(Math.log10(e))}`)]),
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
function hc(e) {
	return String(Math.round(e)).replace(/[-0-9]/g, (e) => e === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(e)]);
}
function gc(e) {
	let t = Array.from({ length: dc }, (t, n) => Math.round(e ** (n / 239)) - 1);
	return [...new Set(t)].sort((e, t) => e - t);
}
// src/views/tree.ts
var _c = 5;
function vc(e, t) {
	let n = [], r = i(e, []);
	function i(e, t) {
		let r = Math.min(_c, e.record.tokens.length), i = Array.from({ length: r }, (n, r) => a(e, r, t));
		return {
			element: _("ul", {}, ...i.map(({ element: e }) => e)),
			draw(t) {
				let r = null;
				try {
					r = e.explain(n);
				} catch (e) {
					if (!(e instanceof k)) throw e;
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
			_("span", { class: "tree-token" }, H(a)),
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
					f = i(Kr(await t(o)), o), x(d, f.element), f.draw(m);
				} catch (e) {
					p = !1, x(d, _("p", {
						class: "error",
						role: "alert"
					}, e.message));
				}
			}
		}
		let g = N(e.raw) || dr(a) ? _("li", {}, _("details", { ontoggle: (e) => e.target.open && void h() }, _("summary", { title: `What follows ${sr(a)}` }, ...u), d)) : _("li", { class: "tree-end" }, ...u);
		return {
			element: g,
			draw(e, t) {
				let i = e?.prob(n) ?? null;
				S(s, i === null ? "?" : i.high === 0 ? "removed" : B(i, L)), m = i === null ? {
					low: 0,
					high: t.high
				} : {
					low: i.low * t.low,
					high: i.high * t.high
				}, S(c, r.length === 0 ? "" : B(m, L)), l.style.transform = `scaleX(${i?.high ?? 0})`, g.classList.toggle("removed", i?.high === 0), f?.draw(m);
			}
		};
	}
	return {
		element: _("section", {
			class: "card tree",
			"aria-label": "Continuations"
		}, _("p", {}, _("b", {}, "Continuations "), V("processed"), " ", _("small", {}, `The ${_c} most likely tokens. Open one to see what would follow it. Blue: the share of a token after those above it. Grey: the share of the whole text.`)), r.element),
		draw(e) {
			n = e, r.draw({
				low: 1,
				high: 1
			});
		}
	};
}
// src/views/position.ts
var yc = 20;
function bc(e, t, n, r) {
	let i = Kr(e), { state: a, announce: o } = t, s = null, c = yc, l = _r((e) => te(e), o, { heat: !1 }), u = Js((e) => te(ln(C(), e))), d = _("div", {
		class: "scroll",
		tabindex: 0,
		role: "region",
		"aria-label": "Tokens"
	}), f = cr(i, yc, n), p = fc(i), m = wc(i), h = r ? vc(i, r) : null, g = _("p", {
		class: "note undecided",
		"aria-live": "polite"
	}), v = _("ul", {
		class: "warnings",
		"aria-label": "Where the settings conflict"
	}), y = xr(w), b = _("button", {
		type: "button",
		class: "quiet more",
		onclick: () => ee(c * 3)
	}, "Show more tokens");
	function ee(t) {
		c = Math.min(t, e.tokens.length), f = cr(i, c, n), x(d, f.element), b.hidden = c >= e.tokens.length, f.draw(s);
	}
	function C() {
		try {
			return rn(a.get("chain") ?? i.chain);
		} catch {
			return on(i.chain).chain;
		}
	}
	function te(e) {
		a.set("chain", cn(e.filter(Ft)) || " ");
	}
	function w() {
		let e = C(), t = "";
		try {
			s = i.explain(e);
		} catch (e) {
			if (!(e instanceof k)) throw e;
			s = null, t = e.message;
		}
		S(g, t), g.hidden = t === "", l.show(e), l.report(s?.stages ?? [], s === null ? "not decided here" : "off"), u.show(Pt(e)), f.draw(s), p.draw(s), h?.draw(e), m.draw(s), x(v, ...(s?.warnings ?? []).map((e) => _("li", {}, e))), v.hidden = v.children.length === 0;
	}
	let ne = a.listen((e) => e === "chain" && y()), re = _("div", { class: `position${N(i.raw) ? "" : " partial"}` }, xc(i), _("div", { class: "columns" }, _("div", { class: "side" }, _("section", {
		class: "card controls",
		"aria-label": "Settings"
	}, u.element, l.element, g, v), _("section", {
		class: "card",
		"aria-label": "Measures"
	}, m.element)), _("div", { class: "main" }, _("section", {
		class: "card",
		"aria-label": "Distribution of the next token"
	}, d, b), h?.element ?? null, _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, N(i.raw) ? `All ${R(i.tokens)} tokens, the most likely at the left ` : `${R(i.seen)} known tokens as ranges, all others below a bound `), V("rank"), " ", Sc(i)), p.element))));
	return ee(yc), w(), performance.mark("retort-numbers"), {
		element: re,
		close: () => {
			ne(), p.close();
		},
		download: {
			name: "retort-position",
			json: () => Ec(i, s, C()),
			csv: () => Dc(i, s),
			svg: () => p.element
		}
	};
}
function xc({ record: e, seen: t, raw: n }) {
	let r = an(on(e.chain).others), i = e.prompt_tokens.length > 0 ? e.prompt_tokens : [e.prompt];
	return _("div", { class: "prompt" }, _("p", { class: "meta" }, `${e.model}, after`), _("p", {
		class: "tokens",
		dir: "auto"
	}, ...i.map(H)), Cr(e, t, !N(n)), r ? _("p", { class: "note" }, r) : null);
}
function Sc({ raw: e }) {
	return _("span", { class: "legend" }, _("span", { class: "key key-raw" }, "raw: the model's own, τ = 1"), _("span", { class: "key key-processed" }, "processed: what sampling draws from"), N(e) ? _("span", { class: "key key-cut" }, "where a stage cuts") : _("span", { class: "key key-bound" }, "no unknown token lies above"));
}
var Cc = [
	{
		key: "entropy",
		name: "entropy",
		unit: "nats",
		term: "entropy",
		write: F,
		beside: !0,
		of: (e) => e.entropy
	},
	{
		key: "support",
		name: "effective support",
		unit: "tokens",
		term: "effective-support",
		write: F,
		beside: !0,
		of: (e) => qr(e)
	},
	{
		key: "kept",
		name: "tokens that can come",
		unit: "",
		term: "truncation",
		write: R,
		beside: !0,
		of: (e) => j(e.kept)
	},
	{
		key: "kept-mass",
		name: "kept mass",
		unit: "of what τ made",
		term: "kept-mass",
		write: L,
		of: (e) => e.keptMass
	},
	{
		key: "leakage",
		name: "leakage",
		unit: "out of the raw top 90%",
		term: "leakage",
		write: L,
		of: (e) => N(e) ? j(pn(e)) : null
	},
	{
		key: "unseen",
		name: "unknown tokens’ share",
		unit: "",
		term: "interval",
		write: L,
		beside: !0,
		of: (e) => N(e) ? null : e.unseen
	},
	{
		key: "margin",
		name: "margin",
		unit: "raw logits, 1st − 2nd",
		term: "margin",
		write: F,
		of: (e, t) => t.margin
	}
];
function wc(e) {
	let t = Cc.filter((t) => t.of(e.raw, e) !== null), n = t.map(({ key: e }) => _("b", {
		class: "processed-ink",
		"data-measure": e
	}));
	return {
		element: _("dl", { class: "measures" }, ...t.map(({ key: t, name: r, unit: i, term: a, write: o, of: s, beside: c }, l) => {
			let u = _("span", {
				class: "raw-ink",
				"data-measure": `${t}-raw`
			});
			return gr(u, s(e.raw, e), o), Xn({
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
				gr(n[o], s, i);
			});
		}
	};
}
function Tc(e) {
	return e !== null && e.low === e.high ? e.low : e;
}
function Ec(e, t, n) {
	let { record: r, raw: i, logits: a } = e, o = (e) => ({
		entropy_nats: Tc(e.entropy),
		effective_support: Tc(qr(e)),
		unseen: Tc(e.unseen)
	});
	return {
		known: r.known,
		model: r.model,
		prompt: r.prompt,
		vocabulary: r.vocabulary,
		chain: cn(n),
		raw: {
			...o(i),
			margin: Tc(e.margin)
		},
		processed: t === null ? null : {
			...o(t),
			kept: t.kept,
			kept_mass: Tc(t.keptMass)
		},
		stages: (t?.stages ?? []).map(({ stage: e, kept: t, removed: n, keptMass: r, keptMassTotal: i }) => ({
			stage: A(e),
			kept: t,
			removed: n,
			kept_mass: Tc(r),
			kept_mass_total: Tc(i)
		})),
		warnings: t?.warnings ?? [],
		tokens: r.tokens.slice(0, 100).map((e, n) => ({
			token: e,
			id: r.ids[n],
			[N(i) ? "logit" : "logprob"]: a[n],
			prob_raw: Tc(i.prob(n)),
			prob_processed: Tc(t?.prob(n) ?? null),
			removed_by: Oc(t, n)
		}))
	};
}
function Dc({ record: e, raw: t, logits: n, seen: r, tokens: i }, a) {
	let o = N(t), s = (e) => o ? [e?.low ?? null] : [e?.low ?? null, e?.high ?? null], c = (e) => o ? [e] : [`${e}_low`, `${e}_high`];
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
			Oc(a, i)
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
function Oc(e, t) {
	let n = e?.removedBy(t) ?? null;
	return n === null ? null : A(n);
}
// src/views/tour.ts
var kc = 8, Ac = 3;
function jc(e, t) {
	let n = On(e.position.logits), r = (t) => Math.max(0, e.position.tokens.indexOf(t)), i = {
		record: e,
		logits: n,
		first: r(e.first),
		right: r(e.right)
	}, { state: a, announce: o, data: s } = t, c = _("div", { class: "tour-body" }), l, u = Mc.map((e, t) => _("li", {}, _("button", {
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
		return Number.isInteger(e) && e >= 1 && e <= Mc.length ? e - 1 : 0;
	}
	function h(e) {
		let t = m() + e;
		t < Mc.length ? a.set("step", String(t + 1)) : s.studio || s.position ? a.set("view", "position") : a.set("step", "1"), c.querySelector("h2")?.focus();
	}
	function g() {
		let e = m(), t = Mc[e];
		l?.close?.();
		let n = `moved${e + 1}`;
		l = t.widget(i, {
			start: a.get(n),
			keep: (e) => a.set(n, e)
		}), u.forEach((t, n) => {
			n === e ? t.firstElementChild.setAttribute("aria-current", "step") : t.firstElementChild.removeAttribute("aria-current");
		}), d.disabled = e === 0, S(f, e === Mc.length - 1 ? p : "Next →"), x(c, _("h2", { tabindex: "-1" }, `${e + 1}. ${t.title}`), ...t.idea.map((e) => _("p", {}, e)), _("div", { class: "card" }, _("p", { class: "task" }, _("b", {}, "Try it. "), t.task), l.element), _("details", { class: "card question" }, _("summary", {}, _("b", {}, "Question: "), t.question), _("p", {}, _("b", {}, "Answer: "), t.answer))), o(`Step ${e + 1} of ${Mc.length}: ${t.title}`);
	}
	let v = a.listen((e) => e === "step" && g());
	return g(), {
		element: _("div", { class: "tour" }, _("p", { class: "meta" }, `A real language model (${e.position.model.replace("embedded:", "")}) has read “${e.position.prompt}” and must say what comes next. It knows ${R(n.length)} tokens: words and pieces of words, shown here with ␣ for a space. Every number below comes from that model.`), _("nav", { "aria-label": "Steps of the tour" }, _("ol", { class: "tour-steps" }, ...u)), c, _("p", { class: "tour-go" }, d, f)),
		download: null,
		close: () => {
			v(), l?.close?.();
		}
	};
}
var Mc = [
	{
		title: "Logits and softmax",
		short: "Softmax",
		idea: ["The model gives every token one number, its logit. The larger it is, the more the model expects this token, from the texts it has learned from; that need not be the truth. Logits are not probabilities: they can be negative, and they do not add up to anything.", "Softmax makes them probabilities: take e^logit (e ≈ 2.718), which is always positive, and divide by the sum over all tokens. Now they add up to 100%: if one grows, the others shrink. To write, the model draws one token, each as often as its probability says."],
		task: "Add 0.1 to the logit of Canberra. Which city is first now, and what happens to all the others?",
		widget: Rc,
		question: "What changes if every logit grows by 5? Tick the box above and see.",
		answer: "No probability changes. e^(logit + 5) = e^logit · e⁵, so every e^logit becomes e⁵ ≈ 148 times as large. So does their sum, and the 148 cancels in the division. Only the differences between logits count."
	},
	{
		title: "What temperature does",
		short: "τ",
		idea: ["The temperature τ (tau) divides every logit before the softmax. Below 1 the differences grow, and the likely tokens take more. Above 1 they shrink, and the unlikely tokens gain.", "It never changes the order of the tokens: every logit is divided by the same positive number, so the larger stays larger, and so does its probability."],
		task: "Go down to 0.2, then up to 2. Who gains and who loses? Does any token overtake another?",
		widget: zc,
		question: "What happens as τ approaches 0?",
		answer: "The largest logit gets 100%, so the most likely token is always drawn. This is called greedy decoding. The same prompt then gives the same text, unless two tokens are so close that rounding decides. At the other end, τ → ∞, every token becomes equally likely."
	},
	{
		title: "Entropy and the runners-up",
		short: "Entropy",
		idea: ["Entropy says how uncertain the model is: 0 if one token has everything, and larger the more evenly the probability is spread. The effective support makes it a count: as uncertain as that many equally likely tokens.", "The runners-up hold knowledge too, called dark knowledge. Here the famous city is first and the right answer is a close second. At τ = 0 the right answer never appears."],
		task: "Move τ from 0 to 2. Where is Canberra’s best chance? What happens to both cities when it gets hot?",
		widget: Bc,
		question: "Why can τ = 0.7 give another answer than τ = 0, and is it then more correct?",
		answer: "Because a draw may take a runner-up; the order has not changed. It is right more often only where the right answer is not first, as here. Where the first token is right, a draw can only replace it with a wrong one."
	},
	{
		title: "Truncation and its order",
		short: "Truncation",
		idea: ["Truncation removes unlikely tokens before the draw. Top-k keeps the k most likely. Top-p keeps the most likely ones that together hold a share p. What is left is scaled up to 100%.", "The order counts: temperature 2 spreads the probability, so a top-p after it keeps far more tokens than one before it. The programs that run language models use different orders: vLLM sets the temperature first, llama.cpp last."],
		task: "Choose the second setting, then the third: the same numbers in another order. Count the tokens kept.",
		widget: Wc,
		question: "Temperature 2 with top-k 5 and top-p 0.3: which of them decides?",
		answer: "The truncations. The temperature asks for variety, but top-k and top-p together leave a single token, so every draw is the same. Set the temperature first, then at most one truncation."
	},
	{
		title: "From teacher to student",
		short: "Student",
		idea: ["A small model (the student) can learn from a large one (the teacher). Ordinary training shows it one right token: a hard label. Distilling shows it the teacher’s whole distribution: a soft target.", "A teacher that is sure gives its runners-up almost nothing to learn from. A somewhat higher τ lifts them, so the student also sees which tokens are alike: here Perth, Adelaide and Melbourne, cities too. A much higher τ lifts every token, and the cities are lost among all the others."],
		task: "Move τ slowly from 0.5 to 3. Where do Perth, Adelaide and Melbourne have the most? What takes the probability after that?",
		widget: Kc,
		question: "Many papers distil at τ = 3 to 4. Would you do so with this teacher?",
		answer: "Not from what this row shows. The three cities have the most near τ = 1.2; at τ = 3 they have 0.4%, and the 49,144 others together 98%. Values of 3 to 4 became popular with image classifiers: few classes, and a teacher so sure that it gives 99.9% to one class and shows its runners-up only at a higher τ. The surer the teacher and the fewer the classes, the higher τ may be. With our own language models τ = 1 did best in a short training; in a long one τ = 3 did better than 1. (The loss is multiplied by τ², since its gradient shrinks as 1/τ².) So try several, and compare each with the same student trained on hard labels. The teacher’s mistakes are passed on too: here Sydney. A hard label corrects them."
	}
];
function Nc(e, t, n, r) {
	let i = [
		...Array.from({ length: kc }, (e, t) => t),
		"others",
		...r ? ["all"] : []
	].map((t) => {
		let i = t === "all" ? r : t === "others" ? `${R(e.logits.length - kc)} others` : H(e.record.position.tokens[t]), a = n.map(() => _("td", { class: "figure" })), o = _("span", { class: "bar bar-behind" }), s = _("span", { class: "bar bar-processed" });
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
	}), a = _("tr", {}, _("th", { scope: "col" }, "token ", V("token")), ...n.map(({ name: e, term: t }) => _("th", {
		scope: "col",
		class: "figure"
	}, `${e} `, V(t))), _("th", { scope: "col" }, _("span", { class: "sr" }, "bar")));
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
var Pc = {
	name: "logit",
	term: "logits"
}, Fc = {
	name: "probability",
	term: "probability"
}, Ic = 5;
function Lc(e) {
	return e === 0 ? "0%" : e < 1e-4 ? "< 0.01%" : L(e);
}
function Rc(e, t) {
	let { raw: n } = fn([], e.logits), r = Nc(e, "Logits, their powers and probabilities of the most likely tokens", [
		Pc,
		{
			name: "e^logit",
			term: "power"
		},
		Fc
	], "sum"), i = Math.exp(e.logits[0]) / Ke(n, 0), a = Jc(t.start, -2, 2, 0), o = _("input", {
		type: "checkbox",
		onchange: () => s()
	}), s = xr(() => {
		let t = o.checked ? Ic : 0, s = (n) => e.logits[n] + t + (n === e.right ? a : 0), c = Math.exp(t) * i, l = c + Math.exp(s(e.right)) - Math.exp(e.logits[e.right] + t);
		r.draw((e) => {
			let t = e === "all" ? l : e === "others" ? c * qe(n, kc) : Math.exp(s(e));
			return {
				cells: [
					typeof e == "number" ? I(s(e), 2) : "",
					R(t),
					Lc(t / l)
				],
				share: t / l
			};
		});
	}), c = qs({
		label: `added to the logit of ${e.record.right.trim()}`,
		term: "logits",
		min: -2,
		max: 2,
		step: .1,
		nudge: .1,
		write: (e) => Fn(e, 1),
		marks: [
			[-2, "−2"],
			[0, "0"],
			[2, "+2"]
		]
	}, (e) => (c.show(a = e), t.keep(String(e)), s()));
	return c.show(a), s(), { element: _("div", {}, c.element, _("label", { class: "choice" }, o, ` add ${Ic} to every logit`), r.element) };
}
function zc(e, t) {
	let n = Nc(e, "Logits divided by the temperature, and probability of the most likely tokens", [{
		name: "logit ÷ τ",
		term: "logits"
	}, Fc]), r = Yc(e, 1);
	return { element: _("div", {}, qc(t, (t) => {
		let i = Yc(e, t);
		n.draw((n) => {
			let a = Xc(i, t, n);
			return {
				cells: [typeof n == "number" ? t === 0 ? "–" : I(e.logits[n] / t, 2) : "", Lc(a)],
				share: a,
				behind: Xc(r, 1, n)
			};
		});
	}), n.element, _("p", { class: "legend" }, _("span", { class: "key key-accent" }, "at this τ"), _("span", { class: "key key-pale" }, "at τ = 1"))) };
}
function Bc(e, t) {
	let n = ks(240), r = _("b"), i = _("b"), a = [e.first, e.right].map((e) => ({
		rank: e,
		value: _("b")
	})), o = [...Array.from({ length: 30 }, (e, t) => t / 100), ...Array.from({ length: 55 }, (e, t) => .3 + t / 20)], s = a.map(({ rank: t }) => o.map((n) => ({
		x: n,
		y: 100 * Xc(Yc(e, n), n, t)
	})));
	return {
		element: _("div", {}, qc(t, (t) => {
			let o = Yc(e, t);
			S(r, `${F(E(o.processed).entropy)} nats`), S(i, Zc(mn(o.processed)));
			for (let { rank: e, value: n } of a) S(n, Lc(Xc(o, t, e)));
			n.draw({
				title: "Probability of the two answers against temperature",
				x: "temperature τ",
				y: "probability, %",
				yFrom: 0,
				yTo: 100,
				mark: t,
				series: s.map((t, n) => ({
					name: Qc(e, a[n].rank),
					ink: n === 0 ? "second" : "accent",
					points: t,
					bare: !0
				}))
			});
		}), Yn([
			{
				name: `chance of ${Qc(e, e.first)}`,
				term: "tempered",
				value: a[0].value
			},
			{
				name: `chance of ${Qc(e, e.right)}`,
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
		]), _("p", { class: "legend" }, _("span", { class: "key key-second" }, `${Qc(e, e.first)}: first, and wrong`), _("span", { class: "key key-accent" }, `${Qc(e, e.right)}: second, and right`)), n.element, e.record.draws.length > 0 ? Hc(e) : null),
		close: n.close
	};
}
var Vc = 22;
function Hc(e) {
	let t = (t) => _("span", {
		class: `chip ${["chip-second", "chip-accent"][[e.first, e.right].findIndex((n) => t === Qc(e, n))] ?? ""}`,
		title: t
	}, t.length > Vc ? `${t.slice(0, 20).trimEnd()} …` : t);
	return _("table", { class: "draws" }, _("caption", {}, "What the model said in ten draws at each temperature"), _("tbody", {}, ...e.record.draws.map(({ temperature: e, texts: n }) => _("tr", {}, _("th", { scope: "row" }, `τ = ${z(e)}`), _("td", {}, ...n.flatMap((e) => [t(e), " "]))))));
}
var Uc = [
	["top_p=0.9", "top-p 0.9 alone"],
	["temperature=2 | top_p=0.9", "temperature 2, then top-p 0.9"],
	["top_p=0.9 | temperature=2", "top-p 0.9, then temperature 2"],
	["temperature=2 | top_k=5 | top_p=0.3", "temperature 2, then top-k 5, then top-p 0.3"]
];
function Wc(e, t) {
	let n = Nc(e, "What these settings leave of the most likely tokens", [{
		name: "raw",
		term: "raw"
	}, {
		name: "processed",
		term: "processed"
	}]), r = _("b", { role: "status" }), i = C("chain"), a = Yc(e, 1), o = (t) => {
		let i = fn(rn(t), e.logits), o = P(i.processed);
		n.draw((e) => {
			let t = e === "all" ? !1 : e === "others" ? o <= kc : i.removedBy(e) !== null, n = Xc(i, 1, e);
			return {
				cells: [Lc(Xc(a, 1, e)), t ? "removed" : Lc(n)],
				share: t ? 0 : n,
				behind: Xc(a, 1, e),
				removed: t
			};
		}), S(r, `${R(o)} of ${R(e.logits.length)}`);
	}, s = Jc(t.start, 1, Uc.length, 1), c = Uc.map(([e, n], r) => _("label", { class: "choice" }, _("input", {
		type: "radio",
		name: i,
		value: e,
		checked: r + 1 === s,
		onchange: () => (t.keep(String(r + 1)), o(e))
	}), _("span", {}, n)));
	return o(Uc[Math.floor(s) - 1][0]), { element: _("div", {}, _("fieldset", { class: "choices" }, _("legend", {}, "Settings, in the order in which they act"), ...c), Yn([{
		name: "tokens kept",
		term: "truncation",
		value: r
	}]), n.element, _("p", { class: "legend" }, _("span", { class: "key key-accent" }, "what these settings leave"), _("span", { class: "key key-pale" }, "raw: the model’s own"))) };
}
var Gc = [
	" Perth",
	" Adelaide",
	" Melbourne"
];
function Kc(e, t) {
	let n = Nc(e, "The teacher's soft target at this temperature beside the hard label", [{
		name: "hard label",
		term: "hard-labels"
	}, {
		name: "soft target",
		term: "soft-targets"
	}]), [r, i, a] = [
		_("b"),
		_("b"),
		_("b")
	], o = Gc.map((t) => e.record.position.tokens.indexOf(t)).filter((e) => e >= 0);
	return { element: _("div", {}, qc(t, (t) => {
		let s = Yc(e, t);
		n.draw((n) => {
			let r = Xc(s, t, n);
			return {
				cells: [Lc(Number(n === e.right)), Lc(r)],
				share: r,
				behind: Number(n === e.right)
			};
		}), S(r, Lc(1 - Xc(s, t, e.right))), S(i, Lc(o.reduce((e, n) => e + Xc(s, t, n), 0))), S(a, Zc(mn(s.processed)));
	}), Yn([
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
function qc(e, t) {
	let n = Jc(e.start, 0, Ac, 1), r = xr(() => t(n)), i = Js((t) => (i.show(n = t), e.keep(String(t)), r()));
	return i.show(n), r(), i.element;
}
function Jc(e, t, n, r) {
	let i = Number(e ?? NaN);
	return i >= t && i <= n ? i : r;
}
function Yc(e, t) {
	return fn([{
		name: "temperature",
		value: t
	}], e.logits);
}
function Xc({ processed: e }, t, n) {
	return n === "all" ? 1 : t === 0 ? Number(n === 0) : n === "others" ? qe(e, kc) : Ke(e, n);
}
function Zc(e) {
	let t = F(e);
	return `${t} ${t === "1" ? "token" : "tokens"}`;
}
function Qc(e, t) {
	return e.record.position.tokens[t].trim();
}
// src/views/text.ts
var $c = 6, el = 1e3, tl = [
	{
		name: "entropy",
		label: "entropy",
		what: "how uncertain the model was before it wrote the token (raw distribution)",
		term: "entropy",
		heat: (e) => ol(M(e.entropy_nats)) / $c,
		shown: (e) => B(M(e.entropy_nats), zn),
		ends: ["0 nats: sure", `${$c} nats or more`],
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
		heat: (e) => e.rank === null ? 1 : Math.log(e.rank) / Math.log(el),
		shown: (e) => sl(e),
		ends: ["rank 1: the first choice", `rank ${R(el)} or beyond`],
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
		heat: (e) => 2 * M(e.flip_risk).high,
		shown: (e) => `flip risk ${B(M(e.flip_risk), L)}`,
		ends: ["0%: safe at τ = 0", "50%: a coin toss"],
		axis: "flip risk",
		ticks: [
			[0, "0%"],
			[.5, "25%"],
			[1, "50%"]
		]
	}
];
function nl(e, t, n) {
	let { state: r } = t, { tokens: i } = e, a = e.prompt_tokens.length > 0 ? e.prompt_tokens : [e.prompt], o = tl.find((e) => e.name === r.get("colour")) ?? tl[0], s = Math.min(Number(r.get("token") ?? 0) || 0, i.length - 1), c = _("section", {
		class: "card detail",
		"aria-live": "polite",
		"aria-label": "The chosen token"
	}), l = i.map((e, t) => p(e, t)), u = _("p", { class: "legend heat-legend" }), d = al(i, (e) => h(e, !1)), f = _("div", {
		class: "tokens text-tokens",
		role: "group",
		"aria-label": "The text, token by token. Arrow keys go through it.",
		onkeydown: m
	}, _("span", { class: "prompt-part" }, ...a.map(H)));
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
		}, H(e.token));
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
		l[s]?.setAttribute("tabindex", "-1"), l[s]?.removeAttribute("aria-current"), s = t, l[t]?.setAttribute("tabindex", "0"), l[t]?.setAttribute("aria-current", "true"), d.mark(t), x(c, ...dl(e, t, n));
	}
	function v() {
		i.forEach((e, t) => {
			let n = l[t];
			n.style.setProperty("--heat", String(Math.min(1, Math.max(0, o.heat(e))))), n.setAttribute("aria-label", `${t + 1}, ${sr(e.token)}, ${o.shown(e)}`);
		}), x(u, _("span", {}, o.ends[0]), _("span", {
			class: "ramp",
			"aria-hidden": "true"
		}), _("span", {}, o.ends[1]), _("span", {}, o.what, " ", V(o.term))), d.draw(o);
	}
	let y = _("fieldset", { class: "choices" }, _("legend", {}, "Colour by"), ...tl.map((e) => _("label", {}, _("input", {
		type: "radio",
		name: "colour",
		value: e.name,
		checked: e === o,
		onchange: () => {
			o = e, r.set("colour", e.name), v();
		}
	}), ` ${e.label}`)));
	return v(), i.length > 0 && g(s), {
		element: _("div", {}, _("div", { class: "prompt" }, ...cl(e)), _("section", {
			class: "card",
			"aria-label": "Text"
		}, y, f, u, d.element, ll(e)), c),
		close: d.close,
		download: {
			name: "retort-text",
			json: () => e,
			csv: () => hl(e),
			svg: () => d.element
		}
	};
}
var rl = 170, il = {
	left: 46,
	right: 4,
	top: 22,
	bottom: 34
};
function al(e, t) {
	let n = v("title"), r = v("g"), i = v("g"), a = null, o = 640, s = 0, c = v("svg", {
		viewBox: `0 0 640 ${rl}`,
		class: "chart strip",
		role: "img"
	}, n, r, i), l = Sr(c, rl, (e) => {
		o = e, a && u(a);
	});
	function u(c) {
		a = c, S(n, `${c.label} of each token: ${e.map(c.shown).slice(0, 40).join(", ")}`);
		let l = (o - il.left - il.right) / Math.max(e.length, 1), u = rl - il.bottom, f = (e) => u - e * (u - il.top);
		x(r, v("text", {
			x: 2,
			y: 12
		}, c.axis), ...c.ticks.flatMap(([e, t]) => [v("line", {
			class: "grid",
			x1: il.left,
			x2: o - il.right,
			y1: f(e),
			y2: f(e)
		}), v("text", {
			x: il.left - 6,
			y: f(e) + 4,
			"text-anchor": "end"
		}, t)]), v("text", {
			x: o - il.right,
			y: 166,
			"text-anchor": "end"
		}, "tokens of the text, one bar each →")), x(i, ...e.map((e, n) => {
			let r = Math.min(1, Math.max(0, c.heat(e))), i = or(e.token), a = il.left + n * l;
			return v("g", {
				class: "strip-bar",
				onclick: () => t(n)
			}, v("rect", {
				class: "hit",
				x: a,
				y: 0,
				width: l,
				height: rl
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
function ol({ low: e, high: t }) {
	return (e + t) / 2;
}
function sl(e) {
	return e.rank === null ? `beyond rank ${R(e.known_tokens)}` : `rank ${R(e.rank)}`;
}
function cl(e) {
	if (e.finish_reason === "") return [_("p", { class: "meta" }, "Writing …")];
	let t = e.known !== "full", n = t ? `the greedy text (its most likely token each time)${e.chain ? `; what ${e.chain} would leave is told at each token, where it can be decided` : ""}` : `seed ${e.seed}, drawn through ${e.chain || "no chain (raw)"}`;
	return [_("p", { class: "meta" }, `${e.model}, ${n}`), Cr(e, e.tokens[0]?.known_tokens ?? 0, t)];
}
function ll(e) {
	let { totals: t } = e, n = t.unknown > 0 ? `; ${Rn(t.unknown)} not among the known` : "", r = Number.isFinite(e.noise_scale) ? `; noise ${F(e.noise_scale)} logits` : "";
	return Yn([
		{
			name: "length",
			unit: "tokens",
			term: "token",
			value: _("b", {}, R(e.tokens.length))
		},
		{
			name: "logprob of the text",
			unit: `raw, summed${n}`,
			term: "logprob",
			value: _("b", {}, ul(M(t.logprob_raw)))
		},
		{
			name: "mean entropy",
			unit: "raw",
			term: "entropy",
			value: _("b", {}, B(M(t.entropy_nats), zn))
		},
		{
			name: "chance of another greedy text",
			unit: `on other hardware${r}`,
			term: "flip-risk",
			value: _("b", {}, B(M(t.flip_risk), L))
		}
	], "measures text-totals");
}
function ul(e) {
	return e.low === -Infinity ? `at most ${zn(e.high)}` : B(e, zn);
}
function dl(e, t, n) {
	let r = e.tokens[t], i = r.rank !== null && r.known_tokens === e.vocabulary, a = "not decided by the known tokens", o = (e, t) => e === null ? a : B(M(e), t), s = [
		{
			name: "rank",
			unit: "raw",
			term: "rank",
			value: r.rank === null ? `beyond ${R(r.known_tokens)}` : R(r.rank)
		},
		{
			name: "logprob",
			unit: "raw",
			term: "logprob",
			value: ul(M(r.logprob_raw))
		},
		{
			name: "logprob",
			unit: "processed",
			term: "processed",
			value: r.logprob_processed === null ? r.removed_by || i ? "cannot come" : a : B(M(r.logprob_processed), zn)
		},
		{
			name: "entropy",
			unit: "raw",
			term: "entropy",
			value: B(M(r.entropy_nats), zn)
		},
		{
			name: "entropy",
			unit: "processed",
			term: "entropy",
			value: o(r.entropy_processed_nats, zn)
		},
		{
			name: "margin",
			unit: "logits",
			term: "margin",
			value: B(M(r.margin))
		},
		{
			name: "tokens kept",
			term: "truncation",
			value: r.kept === null ? a : R(r.kept)
		},
		{
			name: "kept mass",
			unit: "of what τ made",
			term: "kept-mass",
			value: o(r.kept_mass, L)
		},
		{
			name: "flip risk",
			unit: "at τ = 0",
			term: "flip-risk",
			value: B(M(r.flip_risk), L)
		}
	], c = r.given ? " given" : e.known === "full" ? " drawn" : " the most likely";
	return [
		_("h2", {}, _("small", {}, `${t + 1} of ${e.tokens.length} `), H(r.token), _("small", {}, c)),
		r.removed_by ? _("p", { class: "error" }, `${r.removed_by} would have removed it`) : _("p", { hidden: !0 }),
		_("div", { class: "two" }, Yn(s, "facts"), fl(r, t, n))
	];
}
function fl(e, t, n) {
	let r = M(e.unseen), i = Math.max(...e.alternatives.flatMap((e) => [M(e.prob_raw).high, M(e.prob_processed ?? 0).high]), r.high, 1e-12);
	return _("table", { class: `bars alternatives${r.high > 0 ? " range-bars" : ""}` }, _("caption", {}, n ? "Alternatives; choose one to branch" : "Alternatives"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "token"), _("th", {
		scope: "col",
		class: "figure raw-ink"
	}, "raw ", V("raw")), _("th", {
		scope: "col",
		class: "figure processed-ink"
	}, "processed ", V("processed")), _("th", { scope: "col" }, _("span", { class: "sr" }, "bars")))), _("tbody", {}, ...e.alternatives.map((r) => pl(r, e, t, i, n))), r.high > 0 ? _("tbody", { class: "tail" }, ml("all unknown ones", r, null, i, e.rank === null)) : null);
}
function pl(e, t, n, r, i) {
	let a = e.id === null ? e.token === t.token : e.id === t.id, o = H(e.token);
	return ml(i && !a && (e.id !== null || dr(e.token)) ? _("button", {
		type: "button",
		class: "pick",
		onclick: () => i(n, e),
		"aria-label": `Branch here with ${sr(e.token)}`
	}, o) : o, M(e.prob_raw), e.prob_processed === null ? null : M(e.prob_processed), r, a);
}
function ml(e, t, n, r, i) {
	let [a, o] = [pr("raw"), pr("processed")];
	mr(a, t, r), mr(o, n ?? j(0), r);
	let [s, c] = [_("td", { class: "figure raw-ink" }), _("td", { class: "figure processed-ink" })];
	return gr(s, t, L), gr(c, n, L, n?.high === 0 ? "–" : void 0), _("tr", {
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
function hl(e) {
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
		} : M(r);
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
function gl(e, t) {
	let n = [...e?.tokens ?? [], t], r = (e) => {
		let t = n.map(e);
		return {
			low: t.reduce((e, t) => e + t.low, 0),
			high: t.reduce((e, t) => e + t.high, 0)
		};
	}, i = r((e) => M(e.entropy_nats)), a = (e) => 1 - n.reduce((t, n) => t * (1 - M(n.flip_risk)[e]), 1);
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
			logprob_raw: r((e) => M(e.logprob_raw)),
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
function _l(e, t) {
	let n = e.settings.map((t, n) => El(t, e.axis) ?? n), r = e.settings.every((t) => El(t, e.axis) !== null), i = e.recommendation, a = ks(), o = ks(), s = r ? Dl(i.region) : void 0, c = {
		x: r ? Ol(e.axis) : "setting, as in the table",
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
	let d = e.answers && e.answers.length > 0 ? Sl(e, e.answers) : null;
	return {
		element: _("div", {}, _("section", {
			class: "card",
			"aria-label": "Recommendation"
		}, _("p", { class: "meta" }, `${e.model} on ${e.task} (${e.goal}): ${R(e.items)} items, ${R(e.samples_per_item)} answers each, seed ${e.seed}${e.chain ? `, drawn through ${e.chain}` : ""}`), _("h2", { class: "verdict" }, i.setting === null ? "No recommendation" : `Recommended: ${kl(i.setting, e.axis)}`), _("p", {}, i.reason), Yn(vl(e), "measures recommendation")), _("div", { class: "two" }, _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Quality "), V("score"), " ", _("small", {}, "The line is the score, the band around it each setting’s own 95% interval. Green: statistically tied with the best. Dashed: recommended. "), V("tied")), a.element), u.length === 0 ? null : _("figure", { class: "card" }, _("figcaption", {}, _("b", {}, "Variety "), _("span", { class: "legend" }, _("span", { class: "key key-second" }, "distinct: share of an item’s answers that differ ", V("distinct")), _("span", { class: "key key-dashed" }, "agreement: share of pairs that are the same ", V("agreement")))), o.element)), _("section", {
			class: "card scroll",
			tabindex: 0,
			"aria-label": "All settings"
		}, yl(e, d?.open)), d?.element ?? null, Cl(e), Tl(e)),
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
				...wl.map(([e]) => e)
			], ...e.settings.map((e) => [
				kl(e.temperature ?? e.setting, null),
				e.score,
				...e.score_ci,
				e.distinct,
				e.agreement,
				e.samples,
				...wl.map(([t]) => e.variety?.[t] ?? null)
			])],
			svg: () => a.element
		}
	};
}
function vl(e) {
	let t = e.recommendation, n = (e, t) => _("span", {}, _("b", {}, e), t ? _("small", {}, ` ${Vn(t)}`) : null);
	return [
		{
			name: `score minus that at ${kl(t.reference, e.axis)}`,
			unit: `95% interval ${t.planned ? "of this comparison" : "for all pairs together"}`,
			term: "interval",
			value: n(Fn(t.difference), t.difference_ci)
		},
		{
			name: "significantly better",
			term: "tied",
			value: n(t.detectable ? "yes" : "no")
		},
		...t.held_out_difference === null ? [] : [{
			name: "the same, on items not used to choose",
			term: "held-out-half",
			value: n(Fn(t.held_out_difference), t.held_out_ci)
		}],
		...t.chosen_again === null ? [] : [{
			name: "chosen again on half the items",
			unit: "share of halves",
			term: "held-out-half",
			value: n(In(t.chosen_again))
		}],
		...t.minimum_detectable_difference === null ? [] : [{
			name: "smallest difference that would show",
			unit: "in 4 of 5 runs",
			term: "detectable",
			value: n(F(t.minimum_detectable_difference))
		}],
		...e.forward_passes === null || e.independent_passes === null ? [] : [{
			name: "forward passes",
			unit: `${R(e.independent_passes)} without sharing`,
			term: "forward-pass",
			value: n(R(e.forward_passes))
		}]
	];
}
function yl(e, t) {
	let n = [...new Set(e.cells.map(({ prompt: e }) => e))], r = (t) => e.cells.filter(({ setting: e }) => JSON.stringify(e) === JSON.stringify(t.setting ?? { temperature: t.temperature })), i = [
		[Ol(e.axis), "temperature"],
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
	}, `${e} `, V(t))), ...n.length > 1 ? n.map((e) => _("th", { scope: "col" }, `prompt ${e}`)) : [], _("th", { scope: "col" }, "answers"))), _("tbody", {}, ...e.settings.map((i, a) => {
		let o = i.temperature ?? i.setting, s = JSON.stringify(o) === JSON.stringify(e.recommendation.setting), c = R(i.samples), l = kl(o, e.axis), u = (e, n, r) => t ? _("button", {
			type: "button",
			class: "quiet open-answers",
			"aria-label": n,
			onclick: () => t(a, r)
		}, e) : e;
		return _("tr", { class: s ? "chosen" : "" }, _("th", { scope: "row" }, s ? "→ " : "", kl(o, null)), _("td", {
			class: "figure",
			"data-value": i.score
		}, I(i.score)), _("td", { class: "figure interval-cell" }, Bn(i.score_ci)), _("td", { class: "figure wide-only" }, bl(i.distinct)), _("td", { class: "figure wide-only" }, bl(i.agreement)), ...n.length > 1 ? r(i).map(({ prompt: e, score: t }) => _("td", { class: "figure" }, u(I(t), `Prompt ${e} at ${l}: score ${I(t)}. Show its answers.`, e))) : [], _("td", { class: "figure" }, u(c, `Show the ${c} answers at ${l}`)));
	})));
}
function bl(e) {
	return I(e, 2);
}
var xl = 12;
function Sl(e, t) {
	let n = [...new Set(t.map(({ item: e, prompt: t }) => JSON.stringify([e, t])))], r = [...new Set(t.map(({ prompt: e }) => e))].sort((e, t) => e - t), i = r.length > 1, a = t.every(({ score: e }) => e === 0 || e === 1), o = (t) => e.settings.findIndex((e) => JSON.stringify(e.temperature ?? e.setting) === JSON.stringify(t)), s = Math.max(0, o(e.recommendation.setting)), c = [o(e.recommendation.reference), e.settings.length - 1].find((e) => e >= 0 && e !== s) ?? s, l = _("tbody"), u = xl, d = _("button", {
		type: "button",
		class: "quiet more",
		onclick: () => (u += xl, v())
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
		}, kl(t.temperature ?? t.setting, e.axis)))), r;
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
		return _("td", { dir: "auto" }, ...[...i.values()].sort((e, t) => t.times - e.times).map(({ text: e, score: t, times: n }) => _("p", { class: `answer${a ? t === 1 ? " right" : " wrong" : ""}` }, a ? _("span", {}, _("span", { "aria-hidden": "true" }, t === 1 ? "✓ " : "✗ "), _("span", { class: "sr" }, t === 1 ? "right: " : "wrong: ")) : _("small", {}, `${F(t)} `), e || "(empty)", n > 1 ? _("small", {}, ` × ${n}`) : null)));
	}
	function v() {
		let e = n.map((e) => JSON.parse(e)).filter(([, e]) => f.value === "" || e === Number(f.value)), t = e.slice(0, u);
		x(l, ...t.map(([e, t]) => _("tr", {}, _("th", { scope: "row" }, e, i ? _("small", {}, ` prompt ${t}`) : null), g(e, t, Number(p.value)), g(e, t, Number(m.value))))), d.hidden = u >= e.length, S(d, `Show more of ${R(e.length)} items`);
	}
	v();
	let y = _("section", {
		class: "card",
		"aria-label": "Answers side by side"
	}, _("p", {}, _("b", {}, "Answers of two settings "), V("score"), " ", _("small", {}, a ? "✓ scored 1, ✗ scored 0. " : "Each behind its score. "), f), _("table", { class: "plain-table answers" }, _("thead", {}, _("tr", {}, _("th", { scope: "col" }, "item"), _("th", { scope: "col" }, p), _("th", { scope: "col" }, m))), l), d);
	return {
		element: y,
		open(e, t) {
			p.value = String(e), f.value = t === void 0 ? "" : String(t), v(), y.scrollIntoView({ block: "start" }), p.focus({ preventScroll: !0 });
		}
	};
}
function Cl(e) {
	if (e.questions.length === 0 && e.votes.length === 0) return null;
	let t = e.votes.map(({ kind: t, answers: n, recommendation: r }) => _("li", {}, `${t === "majority" ? `Majority of ${n} answers` : `One of ${n} answers is right`}: best at ${kl(r.setting, e.axis)}. `, V("pass-at-k")));
	return _("section", {
		class: "card scroll",
		tabindex: 0,
		"aria-label": "Differences that matter"
	}, _("p", {}, _("b", {}, "Differences that matter "), V("interval")), e.questions.length === 0 ? null : _("table", { class: "plain-table" }, _("thead", {}, _("tr", {}, ...[
		"question",
		"score of",
		"minus score of",
		"difference, 95% interval"
	].map((e) => _("th", { scope: "col" }, e)))), _("tbody", {}, ...e.questions.map(({ question: e, better: t, than: n, difference: r, difference_ci: i }) => _("tr", {}, _("th", { scope: "row" }, e), _("td", {}, t), _("td", {}, n), _("td", {}, `${Fn(r)} (${Vn(i)})`))))), t.length > 0 ? _("ul", {}, ...t) : null);
}
var wl = [
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
function Tl(e) {
	let t = e.settings.find((e) => e.variety)?.variety;
	if (!t) return null;
	let n = wl.filter(([t]) => e.settings.some((e) => typeof e.variety?.[t] == "number"));
	return _("section", {
		class: "card scroll",
		tabindex: 0,
		"aria-label": "Other measures of variety"
	}, _("p", {}, _("b", {}, "Variety, in other ways "), _("small", {}, `Means over ${t.items} items, of up to ${t.answers} answers each, compared by ${t.likeness}.`)), _("table", { class: "plain-table numeric" }, _("caption", { class: "sr" }, "Every setting with the other measures of variety"), _("thead", {}, _("tr", {}, _("th", { scope: "col" }, Ol(e.axis)), ...n.map(([, e, t]) => _("th", { scope: "col" }, `${e} `, V(t))))), _("tbody", {}, ...e.settings.map((e) => _("tr", {}, _("th", { scope: "row" }, kl(e.temperature ?? e.setting, null)), ...n.map(([t]) => _("td", { class: "figure" }, F(e.variety?.[t]))))))));
}
function El(e, t) {
	let n = t ? e.setting?.[t] ?? (t === "temperature" ? e.temperature : null) : null;
	return typeof n == "number" ? n : null;
}
function Dl(e) {
	return e.length > 0 && e.every((e) => typeof e == "number") ? e : void 0;
}
function Ol(e) {
	return e === "temperature" ? "temperature τ" : e ?? "setting";
}
function kl(e, t) {
	return typeof e == "number" ? t === "temperature" ? `τ = ${z(e)}` : t ? `${t} = ${z(e)}` : z(e) : typeof e == "object" && e ? Object.entries(e).map(([e, t]) => `${e}=${t}`).join(" ") : String(e);
}
// src/app.ts
function Al(e, t, { address: n, tabs: r = [], save: i = null }) {
	r = [
		...Ml(t),
		...r.length > 0 ? r : Nl(t),
		{
			name: "glossary",
			label: "Terms",
			open: hi
		}
	];
	let a = _("div", {
		class: "sr",
		role: "status",
		"aria-live": "polite"
	}), o = {
		data: t,
		state: new re(n, t.state),
		announce: (e) => a.textContent = e
	}, s = _("div", {
		role: "tabpanel",
		tabindex: "-1",
		class: "panel"
	}), l = null, u = r.map((e) => _("button", {
		type: "button",
		role: "tab",
		id: C("tab"),
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
		onclick: () => void jl(o)
	}, "Copy link");
	e.classList.add("retort"), x(e, _("header", { class: "head" }, _(n ? "h1" : "p", { class: "brand" }, "retort"), d, _("div", { class: "tools" }, n ? y : null, i ? g : null, m, se(e))), _(n ? "main" : "div", {}, s), a);
	let b = o.state.listen((e) => e === "view" && p()), S = (e) => {
		o.state.set("term", e.detail), o.state.set("view", "glossary");
	};
	return e.addEventListener("retort-term", S), p(), performance.mark("retort-controls"), () => {
		b(), e.removeEventListener("retort-term", S), l?.close(), e.replaceChildren();
	};
}
async function jl(e) {
	try {
		await navigator.clipboard.writeText(e.state.link()), e.announce("Link copied");
	} catch {
		history.replaceState(history.state, "", e.state.link()), e.announce("The link is in the address bar");
	}
}
function Ml({ tour: e }) {
	return e ? [{
		name: "tour",
		label: "Tour",
		open: (t) => jc(e, t)
	}] : [];
}
function Nl(e) {
	let t = [], { position: n, text: r, path: i, compare: a, tune: o, distil: s } = e;
	return n && t.push({
		name: "position",
		label: "Position",
		open: (e) => bc(n, e)
	}), r && t.push({
		name: "text",
		label: "Text",
		open: (e) => nl(r, e)
	}), i && t.push({
		name: "path",
		label: "Path",
		open: (e) => Qs(i, e)
	}), a && t.push({
		name: "compare",
		label: "Compare",
		open: (e) => Xr(a, e)
	}), o && t.push({
		name: "tune",
		label: "Tune",
		open: (e) => _l(o, e)
	}), s && t.push({
		name: "distil",
		label: "Distil",
		open: (e) => Is(s, e)
	}), t;
}
// src/parts/runForm.ts
function Pl(t) {
	let { api: n, state: r, fields: a } = t, o = null, s = null, c = () => {
		s?.(), o?.stop();
	}, l = new Map(a.map((e) => [e.name, Fl(e, r)])), u = _("button", {
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
		let u = performance.now(), h = "Starting", _ = () => S(p, `${h} · ${R((performance.now() - u) / 1e3)} s`), v = setInterval(_, 1e3);
		_();
		let y = !1;
		s = () => {
			y = !0, d.disabled = !0, h = "Stopping …", _();
		};
		let x = n.start(t.kind, l, {
			onProgress: ({ done: e, total: t, detail: n }) => {
				f.hidden = !1, f.max = t || 1, f.value = e, y || (h = n || `${R(e)} of ${R(t)}`, _());
			},
			onLost: () => {
				h = "The connection was lost; trying again", _();
			},
			onTold: (e, n) => t.onTold?.(e, n)
		});
		o = x, ee(!0), x.result.then((e) => {
			o === x && (clearInterval(v), S(p, ""), t.onRecord(e, x.id), t.announce(`${t.verb}: done`));
		}).catch((n) => {
			clearInterval(v), o === x && (S(p, ""), n instanceof e ? (S(p, "Stopped."), t.onStopped?.()) : (S(m, n.message), n instanceof i && t.onFailed?.()));
		}).finally(() => {
			o === x && (o = s = null, ee(!1));
		});
	}
	function ee(e) {
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
function Fl(e, t) {
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
var Il = /* @__PURE__ */ new Map();
function Ll() {
	return Object.fromEntries([...Il].map(([e, { run: t }]) => [e, t]));
}
var Rl = ["continuation", "given"];
function zl(e, { models: t, prompts: n, tasks: r, recipes: i }) {
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
		Bl(e, {
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
				continuation: Wl(n.get("continuation"))
			}),
			view: (t, n, r) => {
				let i = {
					model: n.state.get("model"),
					prompt: n.state.get("prompt"),
					continuation: Wl(n.state.get("continuation"))
				}, a = t.known !== "full";
				return bc(t, n, (e) => {
					let i = t.ids[e];
					a || i == null ? n.state.set("prompt", t.prompt + t.tokens[e]) : n.state.set("continuation", [...Wl(n.state.get("continuation")), i].join(",")), r();
				}, e.mayRun ? (n) => e.start("position", a ? {
					...i,
					prompt: t.prompt + n.map(({ text: e }) => e).join("")
				} : {
					...i,
					continuation: [...i.continuation, ...n.map(({ id: e }) => e)]
				}).result : void 0);
			}
		}),
		Bl(e, {
			name: "text",
			label: "Text",
			kind: "text",
			intro: "The model writes a text. How sure was it of each token, and what else could it have said?",
			verb: "Write",
			picks: !0,
			live: (e, t, n) => t === "token" ? gl(e, n) : null,
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
				seed: Hl("seed", r),
				max_tokens: Hl("longest text", i),
				continuation: Wl(a.get("continuation")),
				given: Gl(a.get("given"))
			}),
			view: (e, t, n) => nl(e, t, (r, i) => {
				let a = e.tokens.slice(0, r);
				e.known === "full" ? t.state.set("continuation", [...a, i].map((e) => e.id).join(",")) : t.state.set("given", JSON.stringify([...a, i].map((e) => e.token))), t.state.set("token", String(r)), n();
			})
		}),
		Bl(e, {
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
				seed: Hl("seed", n),
				max_tokens: Hl("longest text", r),
				temperatures: Ul(i)
			}),
			view: (e, t) => Qs(e, t)
		}),
		Bl(e, {
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
			view: (e, t) => Xr(e, t)
		}),
		Bl(e, {
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
				temperatures: Ul(r),
				samples: Hl("answers per item", i),
				chain: o,
				seed: Hl("seed", s),
				...a?.trim() ? { items: Hl("items", a) } : {}
			}),
			view: (e, t) => _l(e, t)
		}),
		Bl(e, {
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
				steps: Hl("steps", t),
				seeds: Hl("seeds", n),
				temperature: Number(r),
				alpha: Number(i)
			}),
			view: (e, t) => Is(e, t),
			begin: () => ({ arms: {} }),
			stopped: (e) => ({
				...e,
				stopped: !0
			}),
			live: (e, t, n) => t === "point" ? Gs(e, n) : null
		})
	];
}
function Bl(e, t) {
	return {
		name: t.name,
		label: t.label,
		open: (n) => Vl(e, t, n)
	};
}
function Vl(e, t, n) {
	let r = null, i = null, a = _("div", { class: "holder" }), o = Pl({
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
			Il.delete(t.name), r?.close(), r = null, x(a);
		},
		onStopped: () => {
			i !== null && t.stopped && u(i = t.stopped(i));
		},
		onTold: (e, n) => {
			let r = t.live?.(i, e, n) ?? null;
			r !== null && u(i = r);
		},
		onRecord: (e, n) => {
			Il.set(t.name, {
				record: e,
				run: n
			}), u(e);
		}
	});
	o.element.addEventListener("change", () => {
		for (let e of Rl) n.state.set(e, void 0);
	});
	let s = _("p", { class: "meta picked" }), c = () => {
		let e = Wl(n.state.get("continuation")), r = Gl(n.state.get("given")), i = e.length || r.length;
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
	}, l = n.state.listen((e) => Rl.includes(e) && c());
	c();
	function u(e) {
		r?.close(), r = t.view(e, n, o.run), x(a, r.element);
	}
	let d = Il.get(t.name);
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
function Hl(e, t) {
	let n = Number(t);
	if (!t?.trim() || !Number.isSafeInteger(n)) throw Error(`${e} must be a whole number, got “${t ?? ""}”`);
	return n;
}
function Ul(e) {
	let t = /^\s*([\d.]+):([\d.]+):(\d+)\s*$/.exec(e ?? ""), n = t ? Array.from({ length: Number(t[3]) }, (e, n) => Number(t[1]) + (Number(t[2]) - Number(t[1])) * n / Math.max(1, Number(t[3]) - 1)) : (e ?? "").split(",").map(Number);
	if (n.length === 0 || !n.every(Number.isFinite)) throw Error(`temperatures are first:last:count (0:2:41) or a list (0, 0.5, 1), got “${e ?? ""}”`);
	return n.map((e) => Number(e.toFixed(10)));
}
function Wl(e) {
	return e ? e.split(",").map(Number).filter(Number.isSafeInteger) : [];
}
function Gl(e) {
	try {
		let t = JSON.parse(e ?? "[]");
		return Array.isArray(t) ? t.filter((e) => typeof e == "string") : [];
	} catch {
		return [];
	}
}
// src/main.ts
function Kl({ model: e, el: t }) {
	let n = document.createElement("div");
	n.dataset.lmSuppressShortcuts = "true", n.addEventListener("keydown", (e) => e.stopPropagation()), t.append(n);
	let r = Al(n, e.get("data"), { address: !1 }), i = () => {
		r(), r = Al(n, e.get("data"), { address: !1 });
	};
	return e.on("change:data", i), () => {
		e.off("change:data", i), r();
	};
}
var ql = { render: Kl }, Jl = document.getElementById("retort-data"), Yl = document.getElementById("retort-page");
Jl !== null && Yl !== null && Xl(Yl, JSON.parse(Jl.textContent ?? "{}"));
function Xl(e, t) {
	if (!t.studio) {
		Al(e, t, {
			address: !0,
			save: async (e) => Zl(t, e)
		});
		return;
	}
	let n = new r();
	Promise.all([n.offer(), n.tour()]).then(([r, i]) => Al(e, {
		...t,
		tour: i
	}, {
		address: !0,
		tabs: zl(n, r),
		save: n.mayRun ? (e) => n.page(e, Ll()) : null
	})).catch((t) => e.textContent = t.message);
}
function Zl(e, t) {
	let n = document.documentElement.cloneNode(!0), r = n.querySelector("#retort-page");
	r.replaceChildren();
	for (let { name: e } of [...r.attributes]) e !== "id" && r.removeAttribute(e);
	return n.querySelector("#retort-data").textContent = JSON.stringify({
		...e,
		state: t
	}).replaceAll("<", "\\u003c"), new Blob([`<!doctype html>\n${n.outerHTML}\n`], { type: "text/html" });
}
export { ql as default };
