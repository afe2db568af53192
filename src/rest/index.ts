/** The operations of the OpenAPI document by their operationId; a test compares both lists. */

import { beginOidcSignIn } from "./beginOidcSignIn.ts";
import { beginSecondFactor } from "./beginSecondFactor.ts";
import { changeEmail } from "./changeEmail.ts";
import { changePassword } from "./changePassword.ts";
import { closeAccount } from "./closeAccount.ts";
import { confirmEmailChange } from "./confirmEmailChange.ts";
import { confirmRegistration } from "./confirmRegistration.ts";
import { createOidcSession } from "./createOidcSession.ts";
import { createPayment } from "./createPayment.ts";
import { createSetupIntent } from "./createSetupIntent.ts";
import { disableSecondFactor } from "./disableSecondFactor.ts";
import { enableSecondFactor } from "./enableSecondFactor.ts";
import { endOidcSignIn } from "./endOidcSignIn.ts";
import { forgotPassword } from "./forgotPassword.ts";
import { getMe } from "./getMe.ts";
import type { RestHandler } from "./handler.ts";
import { impersonateUser } from "./impersonateUser.ts";
import { linkIdentity } from "./linkIdentity.ts";
import { listIdentities } from "./listIdentities.ts";
import { listOidcProviders } from "./listOidcProviders.ts";
import { listPaymentMethods } from "./listPaymentMethods.ts";
import { logIn } from "./logIn.ts";
import { logOut } from "./logOut.ts";
import { proveMyself } from "./proveMyself.ts";
import { receiveStripeEvent } from "./receiveStripeEvent.ts";
import { refreshSession } from "./refreshSession.ts";
import { register } from "./register.ts";
import { removeIdentity } from "./removeIdentity.ts";
import { removePaymentMethod } from "./removePaymentMethod.ts";
import { replaceRecoveryCodes } from "./replaceRecoveryCodes.ts";
import { requestExport } from "./requestExport.ts";
import { resetPassword } from "./resetPassword.ts";

export const operations: Readonly<Record<string, RestHandler>> = {
  beginSecondFactor,
  beginOidcSignIn,
  changeEmail,
  changePassword,
  closeAccount,
  confirmEmailChange,
  confirmRegistration,
  createOidcSession,
  createPayment,
  createSetupIntent,
  disableSecondFactor,
  enableSecondFactor,
  endOidcSignIn,
  forgotPassword,
  getMe,
  impersonateUser,
  linkIdentity,
  listIdentities,
  listOidcProviders,
  listPaymentMethods,
  logIn,
  logOut,
  proveMyself,
  receiveStripeEvent,
  refreshSession,
  register,
  removeIdentity,
  removePaymentMethod,
  replaceRecoveryCodes,
  requestExport,
  resetPassword,
};
