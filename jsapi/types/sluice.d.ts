// SPDX-License-Identifier: Apache-2.0
// Types of the sluice: modules. In a project: { "compilerOptions": { "types": ["./path/to/sluice"] } }, or a
// /// <reference path="..." /> line.

declare module 'sluice:http' {
  type Chunk = string | ArrayBuffer | ArrayBufferView;
  type HeaderValue = string | number | readonly string[];
  type HeaderFields = Record<string, HeaderValue> | Iterable<readonly [string, HeaderValue]>;
  type IncomingHeaders = { [name: string]: string | undefined } & { 'set-cookie'?: string[] };

  /** Limits of a server. Beyond each the peer gets the status in brackets, or is held back. */
  export interface ServerLimits {
    /** Request line and header fields, bytes (431). */
    headBytes?: number;
    /** The target alone, bytes (414). */
    targetBytes?: number;
    headerCount?: number;
    /** Body of a request, bytes (413). */
    bodyBytes?: number;
    /** From the first byte of a head to its end (408). */
    headerTimeoutMs?: number;
    /** Of a connection between two requests. */
    idleTimeoutMs?: number;
    /** Between two pieces of a body (408). */
    bodyTimeoutMs?: number;
    /** Requests of one connection in progress. */
    pipelineRequests?: number;
    /** Received and not yet taken by the program. */
    pendingBodyBytes?: number;
    connections?: number;
    /** 0: as many as come. */
    requestsPerConnection?: number;
    /**
     * What it means that a peer has closed its sending side before its response. True, the default: it gets the response;
     * `signal`, 'aborted' and 'close' tell when the connection is reset or the peer does not answer probes. False: it is gone
     * (as in Node), the request is aborted at once.
     */
    allowHalfOpen?: boolean;
  }

  export interface ServeOptions extends ServerLimits {
    /** 0, the default: one that is free; see Server.port. */
    port?: number;
    /** An address, `localhost`, or a name of /etc/hosts. Default: all addresses, IPv6 and IPv4 (`::`). */
    hostname?: string;
    /** With `::`: IPv6 only. `0.0.0.0` is IPv4 only. */
    ipv6Only?: boolean;
    limits?: ServerLimits;
    /** Hears of what a handler threw or its promise was rejected with; the peer has been answered 500. Default: it is printed. */
    onError?(error: unknown, req: ServerRequest, res: ServerResponse | null): void;
    /** Takes the connections that ask for another protocol (Upgrade, CONNECT). `head`: bytes that have come already. */
    upgrade?(req: ServerRequest, socket: import('sluice:net').Socket, head: Uint8Array): void | Promise<void>;
  }

  export type Handler = (req: ServerRequest, res: ServerResponse) => unknown;
  /** The worker convention, also as the default export of a program: it is then served on PORT, or 8080. */
  export interface Worker {
    fetch(request: Request, env: Record<string, string | undefined>, context: WorkerContext): Response | Promise<Response>;
  }
  export interface WorkerContext {
    waitUntil(promise: Promise<unknown>): void;
    passThroughOnException(): void;
  }

  /**
   * Serves HTTP/1.1. The socket is open when this returns. A handler may answer at once or later; a throw, or a rejected
   * promise, is answered 500.
   */
  export function serve(options: ServeOptions | number, handler: Handler | Worker): Server;
  export function serve(handler: Handler | Worker): Server;

  export interface Server {
    readonly port: number;
    readonly hostname: string;
    readonly address: string;
    readonly url: string;
    readonly listening: boolean;
    /** Stops listening; open connections end after their present responses. */
    close(): Promise<void>;
  }
  export const Server: { readonly prototype: Server };

  /**
   * A request. `method` is always there. Everything else is read when it is first touched: after the response has ended and
   * the handler is done, what was not touched before throws ERR_REQUEST_RELEASED; what was read stays.
   */
  export interface ServerRequest extends AsyncIterable<Uint8Array>, Events {
    readonly method: string;
    /** The target as received: "/path?query". */
    url: string;
    /** Names in lower case; fields that came more than once are put together as Node does. */
    headers: IncomingHeaders;
    /** [name, value, name, value, ...] as received. */
    readonly rawHeaders: string[];
    /** Fields behind a chunked body; empty before its end. */
    readonly trailers: IncomingHeaders;
    readonly httpVersion: '1.0' | '1.1';
    readonly remoteAddress: string;
    readonly remotePort: number;
    readonly localAddress: string;
    readonly localPort: number;
    readonly hasBody: boolean;
    /** As announced; undefined for a chunked body. */
    readonly contentLength: number | undefined;
    readonly aborted: boolean;
    /** Aborted when the peer goes away before the response is complete. */
    readonly signal: AbortSignal;
    /** One field, without making `headers`. */
    header(name: string): string | undefined;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    json(): Promise<any>;
    bytes(): Promise<Uint8Array>;
    arrayBuffer(): Promise<ArrayBuffer>;
    /** The most that the four above gather; beyond it they reject with ERR_BODY_TOO_LARGE (statusCode 413). Default 64 MiB. */
    limitBody(bytes: number): this;
    pause(): this;
    resume(): this;
    /** Ends the connection at once. */
    destroy(): this;
  }
  export const ServerRequest: { readonly prototype: ServerRequest };

  export interface ServerResponse extends Events {
    readonly req: ServerRequest;
    statusCode: number;
    statusMessage: string | undefined;
    setHeader(name: string, value: HeaderValue): this;
    setHeaders(headers: Iterable<readonly [string, HeaderValue]>): this;
    appendHeader(name: string, value: string | readonly string[]): this;
    getHeader(name: string): HeaderValue | undefined;
    hasHeader(name: string): boolean;
    removeHeader(name: string): void;
    getHeaderNames(): string[];
    getHeaders(): Record<string, HeaderValue>;
    writeHead(status: number, headers?: HeaderFields | readonly HeaderValue[]): this;
    writeHead(status: number, reason: string, headers?: HeaderFields | readonly HeaderValue[]): this;
    flushHeaders(): void;
    writeContinue(): void;
    writeProcessing(): void;
    writeEarlyHints(hints: Record<string, HeaderValue>): void;
    /** False: the peer does not keep up; wait for `drained` or 'drain'. */
    write(chunk: Chunk): boolean;
    /** A buffer of 16 KiB or more is sent from where it is: leave it as it is until the response is through. */
    end(chunk?: Chunk, callback?: () => void): this;
    end(callback: () => void): this;
    /** Resolved when there is room; rejected when the peer is gone. */
    readonly drained: Promise<void>;
    /** Writes all pieces as the peer takes them, then ends. */
    sendStream(source: Iterable<Chunk> | AsyncIterable<Chunk>): Promise<void>;
    addTrailers(fields: Record<string, HeaderValue>): void;
    destroy(): this;
    readonly headersSent: boolean;
    readonly writableEnded: boolean;
    readonly finished: boolean;
    readonly writableNeedDrain: boolean;
    readonly destroyed: boolean;
  }
  export const ServerResponse: { readonly prototype: ServerResponse };

  export interface RequestOptions {
    method?: string;
    headers?: HeaderFields;
    /** An iterable is sent in pieces: chunked, or with the Content-Length that `headers` has. */
    body?: Chunk | Iterable<Chunk> | AsyncIterable<Chunk> | null;
    signal?: AbortSignal;
  }
  /** A request over the core's pool of keep-alive connections. Only http: for now. */
  export function request(url: string | URL, options?: RequestOptions): Promise<ClientResponse>;

  /** Its body is to be read, or given up by cancel(): until then its connection is taken. */
  export interface ClientResponse extends AsyncIterable<Uint8Array>, Events {
    readonly status: number;
    readonly statusCode: number;
    readonly statusMessage: string;
    readonly ok: boolean;
    readonly url: string;
    readonly httpVersion: '1.0' | '1.1';
    readonly headers: IncomingHeaders;
    readonly rawHeaders: string[];
    readonly trailers: IncomingHeaders;
    readonly body: AsyncIterable<Uint8Array>;
    readonly bodyUsed: boolean;
    text(): Promise<string>;
    json(): Promise<any>;
    bytes(): Promise<Uint8Array>;
    arrayBuffer(): Promise<ArrayBuffer>;
    limitBody(bytes: number): this;
    pause(): this;
    resume(): this;
    cancel(): void;
  }
  export const ClientResponse: { readonly prototype: ClientResponse };

  /** The global fetch(). */
  export function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

  export interface UpstreamsOptions {
    /** "http://host:port" or "host:port". */
    servers: string | URL | readonly (string | URL)[];
    balance?: 'round-robin' | 'failover' | 'least-connections';
    /** Failures in a row that put a server out; 0: never. Default 1. */
    maxFails?: number;
    /** How long it is left out. Default 10,000. */
    failTimeoutMs?: number;
  }
  /** A set of servers with its state; make it once. */
  export function upstreams(options: UpstreamsOptions | string | readonly string[]): Upstreams;
  export interface Upstreams {
    readonly servers: URL[];
    readonly balance: string;
    readonly state: { url: string; active: number; failures: number; requests: number; failed: number }[];
  }
  export const Upstreams: { readonly prototype: Upstreams };

  export interface HeaderEdits {
    /** Replace the fields of these names, or are added. */
    set?: HeaderFields;
    /** Names of fields that are not passed on. */
    remove?: string | Iterable<string>;
    /** Name of this proxy in the Via field, or false for no such field. Default: "sluice" in requests, none in responses. */
    via?: string | false;
  }
  export interface ProxyOptions {
    /** Changes to the request on its way to the upstream. */
    request?: HeaderEdits;
    /** Changes to the response on its way back. */
    response?: HeaderEdits;
    /** Asked for instead of the request's own target. */
    target?: string;
    /** Sends the Host of the request instead of the upstream's. */
    preserveHost?: boolean;
    /** Default true: the peer's address is added to X-Forwarded-For. */
    forwardedFor?: boolean;
  }
  export interface ProxyOutcome {
    /** Of the response: the upstream's, 502 or 504 when none answered, 0 when the peer went away first. */
    status: number;
    upstream: string | undefined;
    attempts: number;
    error?: string;
  }
  /**
   * Forwards a request, whose body has not been read, and streams the answer back; no byte of either body comes to JavaScript.
   * Several upstreams by themselves are asked in their order (failover). Resolved when the response is through.
   */
  export function proxy(
    req: ServerRequest,
    res: ServerResponse,
    upstream: string | URL | readonly (string | URL)[] | Upstreams,
    options?: ProxyOptions,
  ): Promise<ProxyOutcome>;

  interface Events {
    on(name: string, listener: (...values: any[]) => void): this;
    once(name: string, listener: (...values: any[]) => void): this;
    off(name: string, listener: (...values: any[]) => void): this;
    addListener(name: string, listener: (...values: any[]) => void): this;
    removeListener(name: string, listener: (...values: any[]) => void): this;
    removeAllListeners(name?: string): this;
    emit(name: string, ...values: any[]): boolean;
    listenerCount(name: string): number;
  }
}

declare module 'sluice:net' {
  type Chunk = string | ArrayBuffer | ArrayBufferView;

  export interface ListenOptions {
    /** 0, the default: one that is free; see Listener.port. */
    port?: number;
    /** Default: all addresses, IPv6 and IPv4 (`::`). */
    hostname?: string;
    /** With `::`: IPv6 only. `0.0.0.0` is IPv4 only. */
    ipv6Only?: boolean;
    /** Keeps this direction open when the peer has ended its own. */
    allowHalfOpen?: boolean;
  }
  export function listen(options: ListenOptions | number, handler: (socket: Socket) => unknown): Listener;
  export interface Listener {
    readonly port: number;
    readonly address: string;
    readonly hostname: string;
    readonly listening: boolean;
    close(): Promise<void>;
  }

  export interface ConnectOptions {
    port: number;
    hostname?: string;
    localAddress?: string;
    timeoutMs?: number;
    allowHalfOpen?: boolean;
  }
  /** What is written before the connection is there waits for it. */
  export function connect(options: ConnectOptions): Socket;
  export function connect(port: number, hostname?: string): Socket;
  export function connect(hostname: string, port: number): Socket;

  /** Events: 'connect', 'data', 'end', 'drain', 'error', 'close'. Or: for await (const chunk of socket). */
  export interface Socket extends AsyncIterable<Uint8Array> {
    readonly remoteAddress: string | undefined;
    readonly remotePort: number | undefined;
    readonly localAddress: string | undefined;
    readonly localPort: number | undefined;
    readonly connecting: boolean;
    readonly destroyed: boolean;
    readonly closed: boolean;
    readonly writableEnded: boolean;
    readonly writableNeedDrain: boolean;
    readonly bytesRead: number;
    allowHalfOpen: boolean;
    readonly ready: Promise<Socket>;
    readonly drained: Promise<void>;
    write(chunk: Chunk): boolean;
    end(chunk?: Chunk): this;
    destroy(error?: Error): this;
    pause(): this;
    resume(): this;
    setNoDelay(on?: boolean): this;
    setKeepAlive(on?: boolean, idleMs?: number): this;
    on(name: string, listener: (...values: any[]) => void): this;
    once(name: string, listener: (...values: any[]) => void): this;
    off(name: string, listener: (...values: any[]) => void): this;
    emit(name: string, ...values: any[]): boolean;
  }

  export interface BindOptions {
    port?: number;
    hostname?: string;
  }
  export interface From {
    address: string;
    port: number;
  }
  export function bindUdp(options: BindOptions | number, handler?: (message: Uint8Array, from: From, socket: UdpSocket) => void): UdpSocket;
  /** Events: 'message', 'error', 'close'. */
  export interface UdpSocket {
    readonly port: number;
    readonly address: string;
    /** Throws with the code of what is wrong (EMSGSIZE, ENOBUFS, ...). */
    send(message: Chunk, port: number, address?: string): true;
    send(message: Chunk, to: From): true;
    /** Groups, from any source. `on`: an address of the interface, '::%name' or its name; the routes choose otherwise. */
    addMembership(group: string, on?: string): void;
    dropMembership(group: string, on?: string): void;
    setMulticastInterface(on: string): void;
    /** How far what is sent to groups gets: 0 to 255, 1 (this link) at first. */
    setMulticastTTL(hops: number): number;
    /** Whether it comes back to members on this host; it does at first. */
    setMulticastLoopback(comesBack: boolean): boolean;
    /** Datagrams to everybody are refused (EACCES) until this allows them. */
    setBroadcast(allowed: boolean): void;
    /** Of what is sent to one host: 1 to 255. */
    setTTL(hops: number): number;
    close(): void;
    on(name: string, listener: (...values: any[]) => void): this;
    once(name: string, listener: (...values: any[]) => void): this;
    off(name: string, listener: (...values: any[]) => void): this;
  }
}
