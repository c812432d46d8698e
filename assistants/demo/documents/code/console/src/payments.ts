/**
 * Payments client of the operations console.
 *
 * The console talks to the same `/v1` API as the bank's own systems, but with the user's single
 * sign-on session instead of a signed request. Amounts are whole minor units everywhere; they are
 * turned into text for display by `formatMinor` and nowhere else.
 */

export type Currency = "GBP" | "EUR" | "USD";

export type PaymentState =
  | "accepted"
  | "submitted"
  | "settled"
  | "rejected"
  | "cancelled"
  | "returned";

export interface Payment {
  readonly paymentId: string;
  readonly debitAccount: string;
  readonly amountMinor: number;
  readonly currency: Currency;
  readonly reference: string;
  readonly state: PaymentState;
  readonly createdAt: string;
}

export interface NewPayment {
  readonly debitAccount: string;
  readonly creditorName: string;
  readonly creditorIban: string;
  readonly amountMinor: number;
  readonly currency: Currency;
  readonly reference: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

/** A refusal by the API: `code` is stable and documented, `message` is for people. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly retryAfterSeconds: number | null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

/** The largest payment that tidewater takes; anything above goes to the high-value desk. */
export const MAX_AMOUNT_MINOR = 25_000_000;

/** How often one call is tried in all, the first time included. */
const MAX_TRIES = 4;

/** Wait before the next try when the API names none, in milliseconds. */
const DEFAULT_WAIT_MS = 2_000;

/** States from which a payment can still be cancelled. */
const CANCELLABLE: ReadonlySet<PaymentState> = new Set<PaymentState>(["accepted"]);

export function canCancel(payment: Payment): boolean {
  return CANCELLABLE.has(payment.state);
}

/** Write an amount for display: `formatMinor(123456, "GBP")` is `"1,234.56 GBP"`. */
export function formatMinor(amountMinor: number, currency: Currency): string {
  if (!Number.isSafeInteger(amountMinor)) {
    throw new RangeError(`not a whole number of minor units: ${amountMinor}`);
  }
  const sign = amountMinor < 0 ? "-" : "";
  const digits = Math.abs(amountMinor).toString().padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${sign}${whole}.${digits.slice(-2)} ${currency}`;
}

/** Read what a user typed, such as "1,234.5"; null when it is not an amount. */
export function parseMinor(text: string): number | null {
  const match = /^(\d{1,3}(?:,?\d{3})*)(?:\.(\d{1,2}))?$/.exec(text.trim());
  if (!match) return null;
  const whole = Number((match[1] ?? "").replace(/,/g, ""));
  const minor = whole * 100 + Number((match[2] ?? "").padEnd(2, "0"));
  return minor >= 1 && minor <= MAX_AMOUNT_MINOR ? minor : null;
}

/**
 * Only these are worth another try: the key is held by an earlier request, the client is over its
 * rate, or the ledger has no free connection. Everything else would fail the same way again, a 409
 * `already_submitted` included.
 */
const TRANSIENT_CODES = ["idempotency_key_in_use", "client_throttled", "ledger_busy"];

function isTransient(error: unknown): error is ApiError {
  return error instanceof ApiError && TRANSIENT_CODES.includes(error.code);
}

function waitMs(error: ApiError): number {
  const base = (error.retryAfterSeconds ?? DEFAULT_WAIT_MS / 1000) * 1000;
  return base + Math.random() * base * 0.5;
}

export class PaymentsClient {
  constructor(
    private readonly baseUrl: string,
    private readonly sleep: (ms: number) => Promise<void> = (ms) =>
      new Promise((resolve) => setTimeout(resolve, ms)),
  ) {}

  /**
   * Create a payment.
   *
   * The key is made once, before the first try, and sent again with each further try. A caller
   * that lets the user press the button a second time must pass the same `key` in again.
   */
  async create(payment: NewPayment, key: string = crypto.randomUUID()): Promise<Payment> {
    return this.retrying(() =>
      this.call<Payment>("POST", "/v1/payments", payment, { "Idempotency-Key": key }),
    );
  }

  async get(paymentId: string): Promise<Payment> {
    return this.retrying(() => this.call<Payment>("GET", `/v1/payments/${paymentId}`));
  }

  /** Cancel a payment that has not been submitted; afterwards the hold on the account is gone. */
  async cancel(paymentId: string, key: string = crypto.randomUUID()): Promise<Payment> {
    const path = `/v1/payments/${paymentId}/cancel`;
    return this.retrying(() => this.call<Payment>("POST", path, {}, { "Idempotency-Key": key }));
  }

  /** Walk through all payments in a state, page by page, newest first. */
  async *list(state: PaymentState, pageSize = 50): AsyncGenerator<Payment> {
    let cursor: string | null = "";
    while (cursor !== null) {
      const query = new URLSearchParams({ state, limit: String(pageSize) });
      if (cursor) query.set("cursor", cursor);
      const page: Page<Payment> = await this.retrying(() =>
        this.call<Page<Payment>>("GET", `/v1/payments?${query}`),
      );
      yield* page.items;
      cursor = page.nextCursor;
    }
  }

  private async retrying<T>(attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!isTransient(error) || tries >= MAX_TRIES) throw error;
        await this.sleep(waitMs(error));
      }
    }
  }

  private async call<T>(
    method: "GET" | "POST",
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const response = await fetch(this.baseUrl + path, {
      method,
      credentials: "include",
      headers: { "Content-Type": "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    if (response.ok) return (await response.json()) as T;
    const problem = (await response.json().catch(() => ({}))) as {
      code?: string;
      message?: string;
    };
    const retryAfter = response.headers.get("Retry-After");
    throw new ApiError(
      response.status,
      problem.code ?? "unknown",
      problem.message ?? `the API answered with status ${response.status}`,
      retryAfter === null ? null : Number(retryAfter),
    );
  }
}
