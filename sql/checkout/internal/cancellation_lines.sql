/*
 * The line items of a booking, split into what goes back and what is kept. The fees for cleaning
 * and pets have a percent of their own, for nothing was done for them before check-in, and the rest
 * of the host's price has another; the guest's service fee and the host's commission
 * follow what the host keeps in proportion.
 *
 * What goes back in all is rounded half up to the step of the currency, and split among the lines
 * in such steps by largest remainder: the lines always sum, and each is an amount that a card can
 * be given. Shares are compared as integers over one denominator, so nothing is lost in a division.
 */
create or replace function app_hidden.cancellation_lines(
  booking app_public.bookings,
  basis app_public.cancellation_basis,
  nights_percent integer,
  cleaning_percent integer
) returns setof app_public.cancellation_line
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  with items as (
    select i.*, c.charge_step::numeric as step,
      case i.code
        when 'cleaning_fee' then cancellation_lines.cleaning_percent
        when 'pet_fee' then cancellation_lines.cleaning_percent
        else cancellation_lines.nights_percent
      end as percent
    from app_public.quote_line_items i
    join app_public.currencies c on c.code = i.currency
    where i.quote_id = booking.quote_id
  ),
  host_price as (
    select sum(i.amount) as amount, sum(i.amount * i.percent) as refund_hundredths
    from items i
    where i.payee = 'host'
  ),
  exact as (
    select i.*,
      -- Of one denominator: 100 * the host's price.
      i.amount * case
        when i.payee = 'host' then i.percent * h.amount else h.refund_hundredths
      end as numerator,
      100 * h.amount * i.step as denominator
    from items i, host_price h
  ),
  ranked as (
    select e.*,
      div(e.numerator, e.denominator) as whole_steps,
      rank() over (
        partition by e.payer order by mod(e.numerator, e.denominator) desc, e.position
      ) as place,
      div(
        2 * sum(e.numerator) over (partition by e.payer) + e.denominator, 2 * e.denominator
      ) as all_steps
    from exact e
  ),
  split as (
    select r.*,
      ((r.whole_steps + case
        when r.place <= r.all_steps - sum(r.whole_steps) over (partition by r.payer) then 1 else 0
      end) * r.step)::bigint as refund_amount
    from ranked r
  )
  select s.code, s.rule, s.currency, s.amount, s.refund_amount, s.amount - s.refund_amount,
    s.payer, s.payee,
    case
      when s.payee = 'platform'
        and cancellation_lines.basis not in ('host_cancels', 'after_check_in') then 'in_proportion'
      when s.code in ('cleaning_fee', 'pet_fee') and cancellation_lines.basis = 'policy'
        then 'before_check_in'
      else cancellation_lines.basis
    end::app_public.cancellation_basis
  from split s
  order by s.position
$$;

comment on function app_hidden.cancellation_lines(
  app_public.bookings, app_public.cancellation_basis, integer, integer
) is 'What goes back and what is kept of each line item of a booking.';
