// Everyday English words. The sample set needs few words; with these its SentencePiece model can also split a sentence
// that somebody makes up without falling apart into letters.

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:;!?'\"()-%&/$#+=*@";

/** The words, and the characters every text may hold. */
export const COMMON_WORDS: readonly string[] = [
  ...LETTERS.split(""),
  ...`
  a about above across act add after again against age ago agree air all allow almost alone along
  already also although always am among an and animal another answer any anyone anything appear
  apple area arm army around arrive art as ask at attack aunt away baby back bad ball bank bar
  base be bear beat beautiful because become bed before begin behind believe below best better
  between big bill bird bit black blood blue board boat body book born both bottle bottom box boy
  bread break bring brother brown budget build building burn bus business busy but buy by call
  came camera can car card care carry case cat cause centre century certain chair chance change
  child children choose church circle city claim class clean clear clock close cloud club coast
  coat cold collect colour come common company complete computer condition control cook copy
  corner cost could council count country course court cover crime cross cry cup cut dance danger
  dark date daughter day dead deal dear death decide deep degree department describe desk did die
  difference different difficult dinner direct director discover disease do doctor dog door double
  down draw dream dress drink drive drop dry during dust each ear early earth east easy eat
  economy edge education effect egg eight either election electric else empty end enemy energy
  engine enjoy enough enter equal even evening event ever every everyone everything evidence exact
  example except expect expensive experience expert explain eye face fact factory fail fair fall
  family famous far farm fast fat father fear feel few field fight figure fill film final find
  fine finger finish fire first fish five fix floor flower fly follow food foot for force foreign
  forest forget form four free fresh friend from front fruit full fun future game garden gas gate
  gave get girl give glass go gold gone good got government grass great green grey ground group
  grow guess guide gun had hair half hall hand happen happy hard has hat hate have he head health
  hear heart heat heavy held help her here hide high hill him his history hit hold hole holiday
  home hope horse hospital hot hotel hour house how however hundred husband ice idea if ill
  important in income increase indeed industry information inside instead interest into iron
  island issue it its job join journey judge jump just keep key kill kind king kitchen knee knew
  know lady lake land language large last late laugh law lay lead learn leave left leg less let
  letter level library lie life lift light like line list listen little live local long look lose
  loss lot loud love low luck lunch machine main make man manager many map mark market married
  matter may maybe me meal mean measure meat medical meet meeting member men message metal method
  middle might mile milk million mind mine minister minute miss mistake modern moment money month
  moon more morning most mother mountain mouth move much music must my name nation nature near
  necessary neck need never new news newspaper next nice night nine no noise none nor north nose
  not note nothing notice now number object ocean of off offer office officer often oil old on
  once one only open opinion or orange order other our out outside over own page pain paint pair
  paper parent park part party pass past pay peace people perhaps person phone photo picture piece
  place plan plane plant play please point police policy poor popular position possible post pound
  power present president press price prison private problem produce programme promise proof
  protect prove public pull push put quality quarter queen question quick quiet quite race radio
  rain ran rate rather read ready real reason receive record red region remain remember repeat
  report rest result return rich ride right ring rise river road rock roof room round rule run
  safe said sail salt same save say school science sea search season seat second secret see seem
  sell send sense serious serve service set seven several shake shape share sharp she ship shirt
  shoe shop short should shoulder show shut sick side sign silence silver simple since sing sister
  sit six size skin sky sleep slow small smell smile smoke snow so society soft soil soldier some
  someone something sometimes son song soon sorry sort sound south space speak special speed spend
  sport spring square staff stage stand star start state station stay step still stone stop store
  storm story straight strange street strong student study such sudden sugar summer sun support
  sure surprise sweet swim system table take talk tall tax teach teacher team tell ten test than
  thank that the their them then there these they thick thin thing think third this those though
  thousand three through throw time tired to today together told tomorrow too took tooth top total
  touch toward town trade train travel tree trouble true trust truth try turn twelve twenty two
  type uncle under understand union university until up upon us use usual vaccine value very view
  village visit voice vote wait walk wall want war warm was wash waste watch water way we weak
  wear weather week weight welcome well went were west wet what wheel when where whether which
  while white who whole why wide wife wild will win wind window wine winter wish with within
  without woman women wonder wood word work world worry worth would write wrong year yellow yes
  yesterday yet you young your
`
    .trim()
    .split(/\s+/),
];
