/**
 * Tells a person that something of their account has changed, and forgets where the mail went: the
 * address may be theirs no longer.
 */
import { handOver } from "./handOver.ts";
import { type NoticeKind, noticeMail } from "./mails.ts";
import { type Job, payloadText } from "./task.ts";

interface Notice {
  readonly kind: NoticeKind | null;
  readonly email: string | null;
  readonly display_name: string | null;
}

export const sendNoticeMail: Job = async (resources, payload) => {
  const noticeId = payloadText(payload, "noticeId");
  const { rows } = await resources.pool.query<Notice>(
    "select kind, email, display_name from app_private.find_notice($1)",
    [noticeId],
  );
  const [notice] = rows;
  if (notice?.kind == null || notice.email === null) return;
  await handOver(resources, {
    to: notice.email,
    ...noticeMail(notice.kind, notice.display_name ?? ""),
    messageId: `<notice-${noticeId}@staybase>`,
  });
  await resources.pool.query("select app_private.end_notice($1)", [noticeId]);
};
